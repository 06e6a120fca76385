"""Follow-up questions: what takes the place of what, and what stands alone."""

from __future__ import annotations

import pytest

from core.types import Message, Query
from retrieval.followups import own_question, rewritten, standalone

SWAPPED = [
    ("How much memory does a 7B model need?", "And for 14B?", "How much memory does a 14B model need?"),
    ("How much memory does a 7B model need?", "what about an 8B model?", "How much memory does an 8B model need?"),
    ("What is the quota of Team A?", "What about Team B?", "What is the quota of Team B?"),
    ("May the Firmware team train at night?", "And Support?", "May the Support team train at night?"),
    ("Who owns gpu/quota tickets?", "and env/setup?", "Who owns env/setup tickets?"),
    ("What does Guide A say about rank?", "And what does Guide B say?", "What does Guide B say about rank?"),
    ("What does an H200 cost per hour?", "per day?", "What does an H200 cost per day?"),
    ("What is the minimum rank?", "and the maximum?", "What is the maximum rank?"),
    ("How long are serving logs kept?", "And datasets?", "How long are datasets kept?"),
    ("A recipe for 8B on a 24 GB card, 3,000 tickets", "and for 300?", "A recipe for 8B on a 24 GB card, 300 tickets"),
]
REPLACED = [
    ("When does the model review board meet?", "Who sits on it?", "Who sits on the model review board?"),
    ("What are paged optimizers?", "When do they help?", "When do paged optimizers help?"),
    ("What is the night queue?", "What are its hours?", "What are the night queue's hours?"),
    ("What are paged optimizers?", "What happens to a job that uses them?", "What happens to a job that uses paged optimizers?"),
]  # fmt: skip
BEFORE = [
    ("Who approves a purchase over 500 euros?", "And who keeps it?"),
    ("Who approves a purchase over 500 euros?", "Why?"),
    ("Who approves a purchase over 500 euros?", "Who decides?"),
    ("May we train on mails?", "Even when they are masked?"),
    ("How many cases does the gate need?", "What if there are fewer?"),
    ("Is SmolLM2 good enough?", "Which models are approved instead?"),
    ("Does LoRA need more memory than QLoRA?", "Which is faster?"),
    ("How does the desk name its adapters?", "Can one be used twice?"),
]
ALONE = [
    ("Which base models are approved here?", "What is QLoRA?"),
    ("Which base models are approved here?", "What is drift?"),
    ("Which base models are approved here?", "When is the maintenance window for serving?"),
    ("Which base models are approved here?", "If training fails in fp16, what is the remedy for it in QLoRA?"),
    ("Which base models are approved here?", "gpu quota"),
    ("Which base models are approved here?", 'Label this ticket: "it does not start since they moved it"'),
    ("Which base models are approved here?", "And when is the maintenance window for serving?"),
    ("Which base models are approved here?", "Thanks!"),
]


@pytest.mark.parametrize(("former", "asked", "read"), SWAPPED + REPLACED)
def test_a_follow_up_is_read_with_what_it_leaves_out(former: str, asked: str, read: str):
    assert rewritten(asked, former) == read


@pytest.mark.parametrize(("former", "asked"), BEFORE)
def test_where_no_rule_is_sure_the_former_question_is_put_before(former: str, asked: str):
    assert rewritten(asked, former) == f"{former} {asked}"


@pytest.mark.parametrize(("former", "asked"), ALONE)
def test_a_question_that_needs_no_other_stays_as_it_is(former: str, asked: str):
    assert rewritten(asked, former) == asked


def test_a_person_is_named_by_the_answer_and_what_it_was_about_is_kept():
    answer = "The training engineer on duty owns gpu/oom tickets. [1]"
    read = rewritten("When is she in?", "Who owns gpu/oom tickets?", answer)
    assert read == "Who owns gpu/oom tickets? When is the training engineer on duty in?"


def test_a_chain_of_follow_ups_is_read_from_its_first_question():
    asked = ["How much memory does a 7B model need under QLoRA?", "And for 14B?", "Thanks!", "And under LoRA?"]
    history = tuple(Message(role="user", content=text) for text in asked[:-1])
    assert standalone(Query(text=asked[-1], history=history)) == "How much memory does a 14B model need under LoRA?"


def test_a_long_text_is_no_follow_up_and_has_none():
    text = "It stopped. " * 40
    assert rewritten(text, "What is drift?") == text.strip()
    assert rewritten("And why?", text) == "And why?"


def test_a_follow_up_that_says_what_it_asks_is_read_for_alone():
    asked, former = "And what does a daily menu cost there?", "When does the canteen serve lunch?"
    assert own_question(asked, f"{former} {asked}") == "what does a daily menu cost there?"
    assert own_question("why?", f"{former} why?") == ""
    assert own_question(former, former) == ""
