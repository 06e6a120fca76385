"""The rankings that the lab page shows are those that serve, and their parts add up."""

from __future__ import annotations

import pytest

from core.types import Filters
from retrieval.explain import explain, nth
from retrieval.hybrid import HybridRetriever
from tests.retrieval.conftest import Desk

QUERY = "How many GPU hours may a team use per week, before its purchase?"


def test_the_fused_ranking_is_the_one_that_answers_are_made_from(filled: Desk):
    retriever = filled.retriever()
    seen = explain(retriever, QUERY)
    served = retriever.passages(QUERY, 10)
    assert seen.rankings["fused"] == [passage.id for passage in served]
    assert [seen.passages[one.id].score for one in served] == pytest.approx([one.score for one in served], abs=2e-4)
    assert (seen.weight, seen.serving, seen.searched) == (0.5, 0.5, 2)


def test_each_score_is_the_sum_of_its_parts_and_of_its_words(filled: Desk):
    for placed in explain(filled.retriever(), QUERY).passages.values():
        assert placed.from_dense + placed.from_bm25 == pytest.approx(placed.score, abs=1e-3)
        assert sum(word.weight for word in placed.words) == pytest.approx(placed.bm25, abs=0.01)
        assert (placed.bm25_rank is None) == (not placed.words)
        assert f"{nth(placed.dense_rank)} by meaning" in placed.why


def test_a_weight_can_be_tried_and_is_not_kept(filled: Desk):
    retriever = filled.retriever()
    by_meaning, by_words = explain(retriever, QUERY, 1.0), explain(retriever, QUERY, 0.0)
    assert by_meaning.rankings["fused"] == by_meaning.rankings["dense"]
    words = by_words.rankings["bm25"]
    assert by_words.rankings["fused"][: len(words)] == words
    assert retriever.weight == 0.5


def test_a_learned_weight_serves_in_place_of_the_shipped(filled: Desk):
    retriever = HybridRetriever(index=filled.index, learned=lambda: 0.9)
    seen = explain(retriever, QUERY)
    assert (seen.weight, seen.shipped) == (0.9, 0.5)
    assert seen.rankings["fused"] == [passage.id for passage in retriever.passages(QUERY, 10)]


def test_words_that_no_document_holds_are_named(filled: Desk):
    assert explain(filled.retriever(), "Which zeppelins use GPU hours?").missing == ("zeppelins",)


def test_the_rankings_keep_to_the_filters(filled: Desk):
    seen = explain(filled.retriever(), QUERY, filters=Filters(sources=("faq.md",)))
    assert {placed.passage.source for placed in seen.passages.values()} == {"faq.md"}
    assert seen.searched == 1
