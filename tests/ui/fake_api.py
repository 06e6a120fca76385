"""A fake of Trivium's API in the standard library. By hand: `python -m tests.ui.fake_api --port 8000`."""

from __future__ import annotations

import argparse
import json
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from core.types import Answer, Job, Rating, new_id
from tests.ui import fake_loop, fake_retrieval, fake_shelf, scenes


class FakeApi:
    """State and knobs: `pace` seconds per word, `hold()` stops all writers before their next word until `go_on()`."""

    def __init__(self, port: int = 0, pace: float = 0.0) -> None:
        self.pace, self.ready, self.reason = pace, True, "indexing 3 of 21 documents"
        self.refusal: tuple[int, dict[str, Any], dict[str, str]] | None = None
        self.answers: dict[str, Answer] = {}
        self.stops: dict[str, threading.Event] = {}
        self.ratings: list[Rating] = []
        self.received: list[tuple[str, str, Any]] = []
        self.jobs: dict[str, Job] = {}
        self.loop = fake_loop.FakeLoop()
        self.retrieval = fake_retrieval.FakeRetrieval()
        self.told: set[str] = set()  # conversations in which a document has come that was asked for
        fields = ("source", "state", "error", "size", "chunks", "uploaded")
        self.documents: dict[str, dict[str, Any]] = {
            row[0]: dict(zip(fields, row, strict=True)) for row in scenes.DOCUMENTS
        }
        self.folders: dict[str, dict[str, Any]] = {}
        self.next_index: dict[str, str] | None = None
        self._going = threading.Event()
        self._going.set()
        self._words_left: int | None = None
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"fake": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def start(self) -> FakeApi:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self) -> None:
        self.go_on()
        self.server.shutdown()
        self.server.server_close()

    def hold(self, after: int = 2) -> None:
        """Let each writer write `after` words, then wait."""
        self._words_left = after
        self._going.clear()

    def go_on(self) -> None:
        self._going.set()

    def posted(self, path: str) -> list[Any]:
        return [body for method, where, body in self.received if method == "POST" and where == path]

    def begin(self, query: str, conversation: str, strategy: str | None) -> Answer:
        answer = Answer.model_validate({"query": query, "conversation": conversation or new_id()})
        self.answers[answer.id] = answer
        self.stops[answer.id] = threading.Event()
        threading.Thread(target=self._write, args=(answer, strategy), daemon=True).start()
        return answer

    def _write(self, answer: Answer, strategy: str | None) -> None:
        fields, stop = scenes.whole(answer.query, strategy), self.stops[answer.id]
        answer = answer.model_copy(update={"route": fields["route"]})
        for count, word in enumerate(re.findall(r"\S+\s*", fields["text"])):
            while count >= (self._words_left or 0) and not self._going.wait(0.02) and not stop.is_set():
                pass
            if stop.wait(self.pace):
                break
            answer = answer.model_copy(update={"text": answer.text + word})
            self.answers[answer.id] = answer
        ended = scenes.finished(answer, {**fields, "text": answer.text})
        self.answers[answer.id] = ended.model_copy(update={"status": "stopped"}) if stop.is_set() else ended

    def ingest(self, source: str, size: int) -> Job:
        job = Job(id=new_id(), kind="sync", state="pending", total=1, note=source)
        self.jobs[job.id] = job
        self.documents[source] = {
            "source": source,
            "state": "waiting",
            "error": "",
            "size": size,
            "chunks": 0,
            "uploaded": True,
        }
        threading.Thread(target=self._index, args=(job, source), daemon=True).start()
        return job

    def _index(self, job: Job, source: str) -> None:
        for state in ("parsing", "indexing"):
            self._going.wait()
            threading.Event().wait(self.pace * 8)
            self.documents[source]["state"] = state
        self._going.wait()
        self.documents[source].update(state="indexed", chunks=4, error="")
        self.jobs[job.id] = job.model_copy(update={"state": "success", "done": 1})


class Handler(BaseHTTPRequestHandler):
    fake: FakeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        address = urlparse(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in (self.headers.get("Content-Type") or "")
        body = json.loads(raw) if raw and is_json else raw
        with self.fake.lock:
            self.fake.received.append((method, address.path, body))
        if self.fake.refusal and address.path != "/readyz":
            status, problem, headers = self.fake.refusal
            self._reply(status, problem, headers)
            return
        for verb, pattern, action in ENDPOINTS:
            found = re.fullmatch(pattern, address.path)
            if verb == method and found:
                parts = [unquote(part) for part in found.groups()]
                status, reply = action(self.fake, *parts, body=body, query=parse_qs(address.query))
                self._reply(status, reply)
                return
        self._reply(404, {"title": "Not found", "status": 404, "detail": f"there is no {address.path}"})

    def _reply(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        payload = b"" if status == 204 else body
        if not isinstance(payload, bytes):
            payload = json.dumps(body, default=lambda noun: noun.model_dump(mode="json")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)


Reply = tuple[int, Any]


def readyz(fake: FakeApi, **_: Any) -> Reply:
    return (200, {"ready": True}) if fake.ready else (503, {"ready": False, "reason": fake.reason})


def ask(fake: FakeApi, body: Any, **_: Any) -> Reply:
    answer = fake.begin(body["query"], body.get("conversation", ""), body.get("strategy"))
    return 202, {"id": answer.id, "conversation": answer.conversation, "status": "running"}


def get_answer(fake: FakeApi, id: str, **_: Any) -> Reply:
    found = fake.answers.get(id) or fake.loop.answers.get(id)
    return (200, found) if found else (404, {"title": "Not found", "detail": f"no answer {id}"})


def stop(fake: FakeApi, id: str, **_: Any) -> Reply:
    fake.stops[id].set()
    return 200, fake.answers[id]


def conversations(fake: FakeApi, **_: Any) -> Reply:
    first: dict[str, str] = {}
    for answer in fake.answers.values():
        first.setdefault(answer.conversation, answer.query)
    rows = [{"id": id, "title": title, "answered": id in fake.told} for id, title in first.items()]
    return 200, rows[::-1]


def conversation(fake: FakeApi, id: str, **_: Any) -> Reply:
    return 200, [answer for answer in fake.answers.values() if answer.conversation == id]


def compare(fake: FakeApi, body: Any, **_: Any) -> Reply:
    roads = random.Random(7).sample(["prompt", "rag", "tuned"], 3)
    begun = [fake.begin(body["query"], "compare", road) for road in roads]
    return 202, {
        "query": body["query"],
        "answers": [{"letter": c, "answer_id": a.id} for c, a in zip("ABC", begun, strict=True)],
    }


def rate(fake: FakeApi, body: Any, **_: Any) -> Reply:
    rating = Rating(**{**body, "reasons": tuple(body.get("reasons", ()))})
    fake.ratings.append(rating)
    return 201, rating


def ratings(fake: FakeApi, query: dict[str, list[str]], **_: Any) -> Reply:
    return 200, [rating for rating in fake.ratings if rating.answer_id in query.get("answer_id", [])]


def upload(fake: FakeApi, body: Any, **_: Any) -> Reply:
    name = re.search(rb'filename="([^"]+)"', body)
    source = name[1].decode() if name else ""
    if source.endswith("broken.md"):
        return 422, {"title": "The document cannot be read", "detail": f"{source}: the file is empty"}
    return 202, {"source": source, "job": fake.ingest(source, len(body))}


def cancel(fake: FakeApi, id: str, **_: Any) -> Reply:
    job = fake.jobs.get(id, Job(id=id, kind="train", state="pending"))
    fake.jobs[id] = job.model_copy(update={"state": "cancelled"})
    fake_loop.ended(fake, id)
    return 200, fake.jobs[id]


ENDPOINTS: list[tuple[str, str, Any]] = [
    ("GET", "/readyz", readyz),
    ("GET", "/api/domain", lambda fake, **_: (200, scenes.DOMAIN)),
    ("GET", "/api/router", lambda fake, **_: (200, scenes.ROUTER)),
    ("POST", "/api/answers", ask),
    ("GET", "/api/answers/([^/]+)", get_answer),
    ("POST", "/api/answers/([^/]+)/stop", stop),
    ("GET", "/api/conversations", conversations),
    ("GET", "/api/conversations/([^/]+)", conversation),
    ("POST", "/api/compare", compare),
    ("POST", "/api/ratings", rate),
    ("GET", "/api/ratings", ratings),
    ("POST", "/api/documents", upload),
    *fake_shelf.ENDPOINTS,
    ("GET", "/api/jobs", lambda fake, **_: (200, list(fake.jobs.values()))),
    ("POST", "/api/jobs/([^/]+)/cancel", cancel),
    *fake_loop.ENDPOINTS,
    *fake_retrieval.ENDPOINTS,
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--pace", type=float, default=0.15, help="seconds per word")
    given = parser.parse_args()
    fake = FakeApi(given.port, given.pace)
    print(f"a fake API at {fake.url}", flush=True)
    fake.server.serve_forever()


if __name__ == "__main__":
    main()
