"""Look-ups whose answers are known: where they stand, and what is wrong with a file of them."""

from __future__ import annotations

import json
import shutil

import pytest

from core.domain import load_domain
from core.errors import DomainError
from core.labelled import Lookup, lookups
from core.settings import ROOT
from core.types import Passage
from retrieval.asked import judged_missing, passages_that_answer, span

DEMO = ROOT / "domains" / "ml-desk"
PASSAGES = [
    Passage(id="a", source="quota.md", text="Each team has 120 GPU\nhours per week."),
    Passage(id="b", source="faq.md", text="A team may use 120 GPU hours per week."),
    Passage(id="c", source="quota.md", text="Forecasting has 240 by standing exception."),
]


def test_a_passage_answers_if_its_source_and_its_words_fit_whatever_the_signs():
    asked = Lookup("how much?", "120 GPU hours", ("quota.md",))
    assert passages_that_answer(asked, PASSAGES) == [0]
    assert passages_that_answer(Lookup("how much?", "120 GPU-hours", ("quota.md", "faq.md")), PASSAGES) == [0, 1]
    assert passages_that_answer(Lookup("and the price?"), PASSAGES) == []


def test_an_answer_stands_where_its_words_stand():
    place = span("120 GPU hours", PASSAGES[0].text)
    assert place is not None
    assert PASSAGES[0].text[place[0] : place[1]] == "120 GPU\nhours"
    assert span("130 GPU hours", PASSAGES[0].text) is None
    assert span("", PASSAGES[0].text) is None


@pytest.mark.parametrize(
    ("row", "mend"),
    [
        ({"query": " "}, "no query"),
        ({"query": "q", "source": "gone.md", "answer": "x"}, r"gone\.md does not exist"),
        ({"query": "q", "source": "lora.md"}, "copy the words that answer"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path, row, mend):
    pack = tmp_path / "pack"
    shutil.copytree(DEMO, pack, ignore=shutil.ignore_patterns("router", "searcher", "finder"))
    (pack / "lookups.jsonl").write_text(json.dumps({"query": "fine?"}) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(DomainError, match=rf"lookups\.jsonl:2: .*{mend}"):
        lookups(load_domain(pack))


def test_no_look_up_of_the_demo_pack_asks_what_a_golden_case_asks():
    domain = load_domain(DEMO)
    golden = {case.query.lower().rstrip("?. ") for case in domain.golden()}
    found = lookups(domain)
    assert len(found) >= 600
    assert not golden & {one.query.lower().rstrip("?. ") for one in found}


def test_what_a_reviewer_said_of_a_passage_comes_before_the_words_of_an_answer():
    told = Lookup("how much?", "120 GPU-hours", ("quota.md", "faq.md"), passages=(f"  {PASSAGES[1].text} ",))
    assert passages_that_answer(told, PASSAGES) == [1]
    missed = Lookup("how much?", "120 GPU-hours", ("quota.md", "faq.md"), misses=(PASSAGES[0].text,))
    assert passages_that_answer(missed, PASSAGES) == [1]
    assert [one.id for one in judged_missing(missed, PASSAGES)] == [PASSAGES[0].id]
    assert judged_missing(told, PASSAGES) == []
    gone = Lookup("how much?", sources=("quota.md",), passages=("It was 90 GPU-hours once.",))
    assert passages_that_answer(gone, PASSAGES) == []
