"""Labels of reviewers beside a pack's labelled queries: once each, the last word counts, golden queries never."""

from __future__ import annotations

import json

import pytest

from core.domain import load_domain
from core.labelled import Labelled, fingerprint, label_key, labelled, news, told, with_told
from tests.packs import make_pack


@pytest.fixture
def domain(tmp_path):
    pack = make_pack("office", tmp_path)
    route = {"task": "lookup", "query": "Is somebody there on Sundays?"}
    (pack / "routes.jsonl").write_text(json.dumps(route) + "\n")
    return load_domain(pack)


def test_a_query_that_was_labelled_often_is_learned_once_by_the_last_word(domain):
    labels = [("Sort this out", "rewrite"), ("sort this  out.", "lookup"), ("Sort this out", "lookup")]
    assert told(domain, labels) == [Labelled("Sort this out", "lookup")]


def test_neither_golden_queries_nor_tasks_that_are_gone_are_learned(domain):
    labels = [("when is the office open", "rewrite"), ("Sort this out", "gone"), ("Open it?", "lookup")]
    assert [one.query for one in told(domain, labels)] == ["Open it?"]
    assert told(domain, []) == []


def test_a_label_takes_the_place_of_the_packs_and_does_not_count_for_how_right_a_router_is(domain):
    pack = labelled(domain)
    assert Labelled("Is somebody there on Sundays?", "lookup", judged=True) in pack
    found = with_told(pack, [Labelled("is somebody there on sundays", "out_of_scope"), Labelled("New", "rewrite")])
    same = [one for one in found if one.query.lower().startswith("is somebody")]
    assert same == [Labelled("is somebody there on sundays", "out_of_scope")]
    assert len(found) == len(pack) + 1
    assert with_told(pack, []) == pack
    assert fingerprint(with_told(pack, [])) == fingerprint(pack)


def test_what_an_adapter_would_learn_is_said_and_what_it_has_seen_is_not():
    one, other, third = (Labelled(f"query {n}", "lookup") for n in range(3))
    card = {"reviewed": {"learned": [label_key(one)], "left_out": [label_key(other)]}}
    assert news({}, []) == news(card, [one, other]) == ""
    assert news({"labelled": "x"}, [one]) == "`trivium train-router` would learn 1 new label of reviewers"
    changed = Labelled(one.query, "rewrite")
    assert news(card, [changed, other, third]) == (
        "`trivium train-router` would learn 2 new labels of reviewers and forget 1 label that reviewers took back or changed"
    )
    assert label_key(one) == label_key(Labelled(" QUERY  0? ", "lookup"))
