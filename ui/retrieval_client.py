"""The endpoints of retrieval: rankings, where to search, what stands around a passage, the weight; requests for documents."""

from __future__ import annotations

from typing import Any

from core.types import Filters, Job, Judgement
from ui.transport import Transport, parsed, path_of

PATIENT = 60.0  # seconds: many requests are compared with each other


class RetrievalApi(Transport):
    def rankings(self, query: str, weight: float | None = None, filters: Filters | None = None) -> dict[str, Any]:
        """The three rankings of a query; `weight`: to try, None: the one that serves."""
        wanted: dict[str, Any] = {"query": query, **({} if weight is None else {"weight": weight})}
        named = filters.model_dump(exclude={"pages"}) if filters else {}
        wanted |= {name: list(values) for name, values in named.items() if values}
        return self._call("GET", "/api/retrieval", params=wanted)

    def choices(self) -> dict[str, Any]:
        """What a search can be restricted to: documents (how many), sources, folders, kinds."""
        return self._call("GET", "/api/retrieval/choices")

    def passage(self, id: str) -> dict[str, Any]:
        """A passage with before, after, section and parents."""
        return self._call("GET", f"/api/passages/{path_of(id)}")

    def opened(self, answer_id: str, passage_id: str) -> None:
        """Tell that a reader looked at what stands around a cited passage."""
        self._call("POST", f"/api/answers/{path_of(answer_id)}/opened", json={"passage_id": passage_id})

    # The weight

    def weight(self) -> dict[str, Any]:
        """serving, shipped, and what was learned last."""
        return self._call("GET", "/api/retrieval/weight")

    def learn_weight(self) -> Job:
        return parsed(Job, self._call("POST", "/api/retrieval/tune"))

    def forget_weight(self) -> None:
        self._call("DELETE", "/api/retrieval/weight")

    # Requests for documents

    def request_document(self, answer_id: str, query: str, note: str = "", user: str = "") -> None:
        body = {"query": query, "note": note, "answer_id": answer_id, "user": user}
        self._call("POST", "/api/requests", json=body)

    def requests_of(self, conversation: str) -> list[Judgement]:
        """What was asked for in a conversation, oldest first."""
        rows = self._call("GET", f"/api/conversations/{path_of(conversation)}/requests")
        return [parsed(Judgement, row) for row in rows]

    def requests(self) -> dict[str, Any]:
        """groups: open requests that ask the same, the most often asked first; closed: the last ones."""
        return self._call("GET", "/api/requests", timeout=PATIENT)

    def close_requests(self, ids: list[str], document: str = "") -> int | None:
        """Close a group. Returns the place at which search finds the document for its query, None where it does not."""
        body = {"document": document, "also": ids[1:]}
        return self._call("POST", f"/api/requests/{path_of(ids[0])}/close", json=body).get("place")

    def add_note(self, id: str, also: list[str]) -> None:
        """Add what a reviewer knows to the documents, indexed by a job; it closes the requests `also`."""
        self._call("POST", f"/api/judgements/{path_of(id)}/add", json={"also": also})
