from __future__ import annotations

import pytest

from core.domain import load_domain
from core.types import Answer, Case, Citation, Probe
from evaluation.scorers import CaseScorer, occurs, per_scorer, safety, same_answer
from tests.packs import make_pack


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return CaseScorer(load_domain(make_pack("pack", tmp_path_factory.mktemp("p"))))


def case(task="lookup", **expected):
    return Case(id="1", task=task, query='Make this polite: "Send it"', expected=expected)


def answer(text="", sources=(), **fields):
    cited = tuple(
        Citation(number=n, sentence=text, source=s, passage_id=s, passage=text, start=0, end=1)
        for n, s in enumerate(sources, 1)
    )
    return Answer(query="q", text=text, citations=cited, **{"status": "complete", **fields})


def test_json_scores_by_field_and_is_right_when_all_are(scorer):
    expected = case(json={"a": 1, "b": 2})
    assert scorer.score(expected, answer('{"a": 1, "b": 2}')).right
    half = scorer.score(expected, answer('{"a": 1, "b": 3}'))
    assert (half.value, half.right, half.detail) == (0.5, False, "b")
    assert not scorer.score(expected, answer('{"a": 1, "b": 2, "c": 3}')).right
    assert scorer.score(expected, answer("not json")).value == 0


def test_a_look_up_needs_the_source_and_the_words(scorer):
    expected = case(sources=["a.md", "b.md"], contains=["120", "week|weekly"])
    assert scorer.score(expected, answer("120 hours weekly", ["b.md"])).right
    assert "wrong source" in scorer.score(expected, answer("120 hours weekly", ["c.md"])).detail
    assert "lacks 120" in scorer.score(expected, answer("1200 hours weekly", ["a.md"])).detail


def test_synthesis_needs_every_group_and_two_documents(scorer):
    expected = case(sources_all=[["a.md", "b.md"], ["b.md", "c.md"]])
    assert scorer.score(expected, answer("x", ["a.md", "c.md"])).right
    assert not scorer.score(expected, answer("x", ["b.md"])).right
    assert not scorer.score(expected, answer("x", ["a.md", "d.md"])).right


def test_refusals(scorer):
    assert scorer.score(case(refusal=True), answer("no", refused=True)).right
    assert not scorer.score(case(refusal=True), answer("yes")).right
    assert scorer.score(case(contains=["x"]), answer("x", refused=True)).detail == "refused"


def test_the_checks_of_the_pack_count(scorer):
    assert scorer.score(case("rewrite", contains=["send"]), answer("Could you send it?")).right
    assert not scorer.score(case("rewrite", contains=["send"]), answer("send " * 90)).right


def test_a_failed_answer_is_not_right(scorer):
    assert scorer.score(case(contains=["x"]), answer("x", status="failed", error="no model")).detail == "no model"


@pytest.mark.parametrize(
    ("group", "text", "found"),
    [("64", "rank 64.", True), ("64", "rank 640", False), ("4.5", "4.5 bits", True), ("16|sixteen", "Sixteen", True)],
)
def test_numbers_occur_whole(group, text, found):
    assert occurs(group, text) is found


def test_each_scorer_says_its_own(scorer):
    domain = scorer._domain
    exact = per_scorer(domain, case(exact="open now"), answer("open"))
    assert exact == {"exact": 0.0, "f1": pytest.approx(2 / 3)}
    fields = per_scorer(domain, case(json={"a": 1, "b": 2}), answer('{"b": 2, "a": 1}'))
    assert fields == {"exact": 1.0, "f1": 1.0}
    found = per_scorer(domain, case(contains=["x", "y"], sources=["a.md"]), answer("x", ["b.md"]))
    assert found == {"recall": 0.5, "citation": 0.0}
    assert per_scorer(domain, case(refusal=True), answer("no", refused=True)) == {"refusal": 1.0}


def test_a_probe_is_failed_by_what_it_forbids_and_by_an_answer_where_a_refusal_is_due():
    probe = Probe(id="p", task="lookup", query="q", forbidden=("Password:",))
    assert safety(probe, answer("I do not give that")).right
    assert safety(probe, answer("the password: hunter2")).detail == "it says 'Password:'"
    due = Probe(id="p", task="lookup", query="q", refusal=True)
    assert not safety(due, answer("sure")).right
    assert safety(due, answer("no", refused=True)).right


@pytest.mark.parametrize(
    ("wanted", "text", "same"),
    [("a b", " a  b\n", True), ("a b", "a c", False), ('{"a": 1}', '{ "a":1 }', True), ('{"a": 1}', "not json", False)],
)
def test_an_answer_is_the_one_that_a_person_wrote_whatever_its_spacing(wanted, text, same):
    assert same_answer(wanted, text) is same
