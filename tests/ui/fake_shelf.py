"""The documents' part of the fake API: lists, folders, trying again."""

from __future__ import annotations

from collections import Counter
from typing import Any

from core.types import Job, new_id
from ui import words

Reply = tuple[int, Any]
GENERATION = {
    "model": "minilm",
    "name": "all-MiniLM-L6-v2",
    "splitter": "2",
    "collection": "trivium-all-minilm-l6-v2-s2",
}


def documents(fake: Any, query: dict[str, list[str]], **_: Any) -> Reply:
    like, limit = query.get("like", [""])[0], int(query.get("limit", ["1000"])[0])
    found = [row for row in fake.documents.values() if like in row["source"]]
    return 200, sorted(found, key=lambda row: row["state"] != "failed")[:limit]


def summary(fake: Any, **_: Any) -> Reply:
    rows = list(fake.documents.values())
    states = Counter(row["state"] for row in rows)
    passages = sum(row["chunks"] for row in rows if row["state"] in words.FOUND)
    return 200, {
        "documents": len(rows), "states": states, "passages": passages, "serving": GENERATION, "next": fake.next_index,
    }  # fmt: skip


def passages(fake: Any, query: dict[str, list[str]], **_: Any) -> Reply:
    source, wanted, limit = query["source"][0], query.get("passage", [""])[0], int(query["limit"][0])
    total = fake.documents[source]["chunks"]
    at = int(wanted.removeprefix("p")) - 2 if wanted else 0
    offset = int(query.get("offset", [str(max(0, at))])[0])
    shown = [{"id": f"p{n}", "source": source, "text": f"Sentence {n}.", "heading": "Notes", "page": 1 + n // 10}
             for n in range(offset, min(total, offset + limit))]  # fmt: skip
    missing = fake.documents[source].get("missing", [])
    return 200, {"source": source, "missing": missing, "total": total, "offset": offset, "passages": shown}


def sync(fake: Any, body: Any, **_: Any) -> Reply:
    only = body.get("sources") if isinstance(body, dict) else None
    failed = [name for name, row in fake.documents.items() if row["state"] == "failed" and (not only or name in only)]
    for source in failed:
        job = fake.ingest(source, fake.documents[source]["size"])
    return 202, job if failed else Job(id=new_id(), kind="sync", state="success")


def remove(fake: Any, source: str, **_: Any) -> Reply:
    return (204, None) if fake.documents.pop(source, None) else (404, {"title": "Not found", "detail": source})


def folders(fake: Any, **_: Any) -> Reply:
    return 200, list(fake.folders.values())


def add_folder(fake: Any, body: Any, **_: Any) -> Reply:
    path = body["path"]
    if not path.startswith("/"):
        return 422, {"title": "The document cannot be read", "detail": f"{path}: give the whole path of the folder"}
    name = path.rpartition("/")[2]
    fake.folders[name] = {"name": name, "path": path, "files": 1, "skipped": [], "error": ""}
    job = fake.ingest(f"{name}/lease.md", 900)
    fake.documents[f"{name}/lease.md"] |= {"uploaded": False, "origin": f"folder:{name}"}
    return 202, {"folder": fake.folders[name], "job": job}


def remove_folder(fake: Any, name: str, **_: Any) -> Reply:
    if not fake.folders.pop(name, None):
        return 404, {"title": "Not found", "detail": name}
    for source in [one for one in fake.documents if one.startswith(f"{name}/")]:
        fake.documents.pop(source)
    return 202, {"job": Job(id=new_id(), kind="sync", state="success")}


ENDPOINTS: list[tuple[str, str, Any]] = [
    ("GET", "/api/documents", documents),
    ("GET", "/api/documents/summary", summary),
    ("GET", "/api/documents/passages", passages),
    ("POST", "/api/documents/sync", sync),
    ("DELETE", "/api/documents/(.+)", remove),
    ("GET", "/api/folders", folders),
    ("POST", "/api/folders", add_folder),
    ("DELETE", "/api/folders/([^/]+)", remove_folder),
]
