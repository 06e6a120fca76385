"""A list of questions and answers: whoever asks nearly what a heading asks gets what stands under it."""

from __future__ import annotations

import pytest

from core.types import Passage
from retrieval.faq import OF_ONE, asked, nearness, spread, without_shared
from tests.retrieval.conftest import Desk

ANSWERS = {
    "symptoms": (
        "What are the symptoms of Varnish fever ?",
        "The hands turn yellow, and most people feel dizzy at noon.",
    ),
    "treatment": (
        "What are the treatments for Varnish fever ?",
        "These resources address its management: rest, cold water.",
    ),
    "about": (
        "What is (are) Varnish fever ?",
        "Varnish fever is a condition that doctors see how people treat in workshops.",
    ),
    "frequency": ("How many people are affected by Varnish fever ?", "One painter in 4,000 has it."),
}


@pytest.fixture
def answers(desk: Desk) -> Desk:
    for name, (question, answer) in ANSWERS.items():
        desk.write(f"{name}.md", f"# {question}\n\n{answer}\n")
    desk.ingest.sync(desk.folder)
    return desk


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("How do doctors treat varnish fever?", "treatment.md"),
        ("What are typical complaints in varnish fever?", "symptoms.md"),
        ("How common is varnish fever?", "frequency.md"),
    ],
)
def test_the_answer_under_the_nearest_question_comes_first(answers: Desk, query: str, source: str):
    quotes = answers.find(query).quotes()
    assert quotes[0].source == source
    assert len({quote.source for quote in quotes}) == len(quotes), "each further one is another document's answer"


def test_headings_that_ask_nothing_change_nothing(filled: Desk):
    found = filled.find("Who approves a new dataset for training?")
    assert found.ranked[0].passage.heading.endswith("Who approves")
    assert not any("asked" in one.features for one in found.ranked if one.passage.source == "rules.md")


def test_a_question_that_nobody_asked_is_near_to_no_heading(answers: Desk):
    query = "Who won the match on Sunday?"
    quoter = answers.quoter()
    passages = [Passage(id=name, source=name, text=text, heading=heading) for name, (heading, text) in ANSWERS.items()]
    assert nearness(query, quoter.embeddings.query(query), passages, quoter.vectors.get) == {}


def test_only_a_heading_that_ends_as_a_question_asks():
    assert asked("Leave > How long is it?") == "How long is it?"
    assert asked("Why? > Leave") == ""


def test_what_is_left_shows_how_it_is_asked():
    left = without_shared("How do I treat Varnish fever?", ["What are the treatments for Varnish fever ?"])
    assert not any("fever" in text.lower() or "varnish" in text.lower() for text in left.values())
    assert left["How do I treat Varnish fever?"].startswith("How do I")


def test_one_long_answer_does_not_crowd_out_the_others():
    long = [Passage(id=f"a{n}", source="a.md", text=str(n), heading="Why?") for n in range(5)]
    other = Passage(id="b", source="b.md", text="b", heading="How?")
    assert [one.id for one in spread([*long, other])] == ["a0", "a1", "b", "a2", "a3", "a4"]
    assert OF_ONE == 2
    plain = [one.model_copy(update={"heading": "Rules"}) for one in long]
    assert list(spread([*plain, other])) == [*plain, other]
