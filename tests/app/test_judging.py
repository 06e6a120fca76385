"""A passage that cannot be judged costs itself, with a line in the log, and never the answer that stands in another."""

from __future__ import annotations

import logging

import pytest

from app.documents_road import Documents
from core.domain import load_domain
from core.measured import Standing
from core.settings import ROOT
from core.types import Cited, Dropped, Evidence, Passage
from retrieval import citations
from retrieval.quote import Found, Scored
from retrieval.sentences import pieces

GOOD = Passage(id="1", source="good.md", text="The store closes at 18:00.")
BAD = Passage(id="2", source="bad.md", text="Bad.")


def find(query: str, passages: tuple[Passage, ...]) -> Found:
    if BAD in passages:
        raise ValueError("could not convert string to float: '10.0.0.1'")
    return Found(tuple(Scored(one, pieces(one.text)[0], {}, 0.9) for one in passages), 0.9)


def road(find=find) -> Documents:
    closed = Standing(open=False, measured=False)
    domain = load_domain(ROOT / "domains" / "ml-desk")
    return Documents(domain, find, None, None, lambda _: False, lambda *_: None, lambda *_: closed)  # pyright: ignore[reportArgumentType]


def test_a_passage_that_cannot_be_judged_is_left_out(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        found = road().found(Evidence(query="When does it close?", passages=(BAD, GOOD), coverage=1.0, searched=2))
    assert [one.passage.source for one in found.ranked] == ["good.md"]
    assert "a passage of bad.md (2) cannot be judged" in caplog.text
    assert "good.md" not in caplog.text


def test_what_fails_whatever_the_passage_is_an_error_still():
    def broken(query: str, passages: tuple[Passage, ...]) -> Found:
        if len(passages) > 1:
            raise RuntimeError("no model")
        return Found()

    with pytest.raises(RuntimeError, match="no model"):
        road(broken).found(Evidence(query="?", passages=(GOOD, BAD), coverage=1.0, searched=2))


def test_a_sentence_that_cannot_be_checked_against_one_passage_may_rest_on_another(monkeypatch: pytest.MonkeyPatch):
    plain = citations.check

    def check(sentence: str, text: str):
        if text == BAD.text:
            raise ValueError("no number")
        return plain(sentence, text)

    monkeypatch.setattr(citations, "check", check)
    judged = citations.judge("The store closes at 18:00 [1] [2].", (BAD, GOOD))
    assert isinstance(judged, Cited)
    assert judged.citation.source == "good.md"
    alone = citations.judge("The store closes at 18:00 [1].", (BAD, GOOD))
    assert isinstance(alone, Dropped)
    assert "cannot be checked" in alone.why
