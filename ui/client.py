"""The API as the pages see it: one method per endpoint, every fault an ApiError with a sentence to show."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.types import Answer, Filters, Job, Rating
from ui.loop_client import LoopApi
from ui.retrieval_client import RetrievalApi
from ui.transport import ApiError, Problem, Unreachable, json_of, parsed, path_of, problem_of

__all__ = ["Api", "ApiError", "Problem", "Readiness", "Unreachable", "api", "api_url"]

DEFAULT_URL = "http://127.0.0.1:8000"
COMPARISONS = "compare"  # the API keeps the answers of comparisons under this id: no conversation of a person


@dataclass(frozen=True)
class Readiness:
    ready: bool
    reason: str = ""


def api_url() -> str:
    return os.environ.get("TRIVIUM_API_URL", DEFAULT_URL).rstrip("/")


@st.cache_resource(show_spinner=False)
def _open(url: str, key: str) -> Api:
    return Api(url, key)


def api() -> Api:
    """The client of this process for the address and key in the environment."""
    return _open(api_url(), os.environ.get("TRIVIUM_API_KEY", ""))


class Api(RetrievalApi, LoopApi):
    # Readiness and what the desk can do

    def readiness(self) -> Readiness:
        """Raises Unreachable."""
        response = self._send("GET", "/readyz")
        if response.status_code == 200 and json_of(response).get("ready") is True:
            return Readiness(True)
        if response.status_code in (200, 503):
            body = json_of(response)
            return Readiness(False, str(body.get("reason") or body.get("detail") or "It is still starting."))
        raise problem_of(response)

    def domain(self) -> dict[str, Any]:
        return self._call("GET", "/api/domain")

    def router(self) -> Any:
        return self._call("GET", "/api/router")

    # Answers

    def ask(
        self, query: str, conversation: str = "", strategy: str | None = None, filters: Filters | None = None
    ) -> tuple[str, str]:
        """Start an answer. Returns its id and its conversation's; the run goes on without a listener."""
        where = filters.model_dump(mode="json", exclude_defaults=True) if filters else None
        body = {"query": query, "conversation": conversation or None, "strategy": strategy, "filters": where}
        started = self._call("POST", "/api/answers", json={k: v for k, v in body.items() if v is not None})
        return started["id"], started["conversation"]

    def answer(self, id: str) -> Answer:
        return parsed(Answer, self._call("GET", f"/api/answers/{path_of(id)}"))

    def stop(self, id: str) -> None:
        self._call("POST", f"/api/answers/{path_of(id)}/stop")

    def conversations(self) -> list[tuple[str, str, bool]]:
        """Id, title, and whether a document has come that was asked for there."""
        rows = self._call("GET", "/api/conversations")
        return [(row["id"], row["title"], bool(row.get("answered"))) for row in rows if row["id"] != COMPARISONS]

    def conversation(self, id: str) -> list[Answer]:
        return [parsed(Answer, row) for row in self._call("GET", f"/api/conversations/{path_of(id)}")]

    def compare(self, query: str) -> list[str]:
        """One answer per strategy. Returns their ids in blind order."""
        started = self._call("POST", "/api/compare", json={"query": query})
        return [row["answer_id"] for row in started["answers"]]

    # Ratings

    def rate(
        self, answer_id: str, score: int, reasons: Iterable[str] = (), correction: str = "", user: str = ""
    ) -> None:
        body = {"answer_id": answer_id, "score": score, "reasons": list(reasons), "correction": correction}
        self._call("POST", "/api/ratings", json=body | ({"user": user} if user else {}))

    def prefer(self, answer_id: str, over: str) -> None:
        self._call("POST", "/api/ratings", json={"answer_id": answer_id, "preferred_over": over})

    def ratings(self, answer_id: str) -> list[Rating]:
        """Oldest first."""
        return [parsed(Rating, row) for row in self._call("GET", "/api/ratings", params={"answer_id": answer_id})]

    # Documents and jobs

    def documents(self, like: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """The first ones whose name holds `like`; those that failed come first."""
        return self._call("GET", "/api/documents", params={"like": like, "limit": limit})

    def shelf(self) -> dict[str, Any]:
        """How many documents are in which state, how many passages there are, and which index serves them."""
        return self._call("GET", "/api/documents/summary")

    def passages(self, source: str, passage: str, offset: int | None, limit: int) -> dict[str, Any]:
        """Passages of a document from `offset` on, or about one of them."""
        asked = {"source": source, "passage": passage, "offset": offset, "limit": limit}
        asked = {name: value for name, value in asked.items() if value not in ("", None)}
        return self._call("GET", "/api/documents/passages", params=asked)

    def folders(self) -> list[dict[str, Any]]:
        """The folders that are kept in step."""
        return self._call("GET", "/api/folders")

    def add_folder(self, path: str) -> None:
        self._call("POST", "/api/folders", json={"path": path})

    def remove_folder(self, name: str) -> None:
        self._call("DELETE", f"/api/folders/{path_of(name)}")

    def upload(self, name: str, content: bytes) -> None:
        self._call("POST", "/api/documents", files={"file": (name, content)})

    def sync(self, source: str = "") -> None:
        """Index again what failed or changed; with `source` this document alone."""
        self._call("POST", "/api/documents/sync", json={"sources": [source] if source else None})

    def remove(self, source: str) -> None:
        self._call("DELETE", f"/api/documents/{path_of(source)}")

    def jobs(self) -> list[Job]:
        return [parsed(Job, row) for row in self._call("GET", "/api/jobs")]

    def cancel(self, job_id: str) -> None:
        self._call("POST", f"/api/jobs/{path_of(job_id)}/cancel")
