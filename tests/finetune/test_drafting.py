from __future__ import annotations

import pytest

from core.errors import DomainError, ModelError
from core.llm import ScriptedChat
from core.types import Passage
from finetune.drafting import draft

TEXT = "The lid of hall 7 is open from May to September. Mara Lind keeps the key, and asks for it back after 3 days at most."
REPLY = "Sure!\n\nQ: Is the lid of hall 7 open in June?\nA: open\n\nQ: May the lid stay\nopen in winter?\nA: shut\n"


def passage(text=TEXT, source="lids.md", heading="Lids"):
    return Passage(id="p", source=source, text=text, heading=heading)


def scripted(reply):
    return ScriptedChat(replies=reply if callable(reply) else (lambda _: reply))


def free(domain):
    """The pack without checks, so that any text is an answer."""
    task = domain.tasks[0].model_copy(update={"checks": ()})
    return domain.model_copy(update={"tasks": (task, *domain.tasks[1:])})


def test_drafts_name_their_document_and_wait_for_a_person(domain):
    made = draft(scripted(REPLY), domain, "label", [passage()], author="ada")
    assert [(one.query, one.answer) for one in made.drafts] == [
        ("Is the lid of hall 7 open in June?", "open"),
        ("May the lid stay\nopen in winter?", "shut"),
    ]
    assert {(one.state, one.origin, one.document, one.author, one.task) for one in made.drafts} == {
        ("draft", "draft", "lids.md", "ada", "label")
    }
    assert made.faults == ()


def test_the_model_reads_the_passage_and_what_the_task_is(domain):
    read = []
    model = scripted(lambda text: read.append(text) or REPLY)
    draft(model, domain, "label", [passage()])
    assert TEXT in read[0]
    assert "Lids" in read[0]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Bring it back after 14 days.", "number 14"),
        ("Ask for it: only Priya has the key.", "'priya'"),
    ],
)
def test_a_number_or_a_name_that_the_passage_does_not_hold_is_left_out(domain, answer, word):
    made = draft(scripted(f"Q: Who has the key?\nA: {answer}"), free(domain), "label", [passage()])
    assert made.drafts == ()
    assert word in made.faults[0]
    assert "lids.md" in made.faults[0]


def test_what_the_passage_holds_is_taken_in_other_words_too(domain):
    reply = "Q: Who has the key?\nA: Ask Mara Lind. You may keep it three days."
    assert len(draft(scripted(reply), free(domain), "label", [passage()]).drafts) == 1


def test_an_answer_that_breaks_the_checks_of_the_pack_is_left_out(domain):
    made = draft(scripted("Q: Is it open?\nA: perhaps"), domain, "label", [passage()])
    assert made.drafts == ()
    assert "not a label" in made.faults[0]


def test_a_reply_in_another_form_is_a_fault_and_the_next_passage_is_read(domain):
    model = scripted(lambda text: REPLY if "hall 7" in text else "I would rather not.")
    other = passage(
        "The roof of the north wing was mended twice, and it leaks again whenever the wind comes from the sea."
    )
    made = draft(model, domain, "label", [other, passage()])
    assert len(made.drafts) == 2
    assert len(made.faults) == 1


def test_a_model_that_fails_on_one_passage_does_not_stop_the_others(domain):
    def reply(text):
        if "north wing" in text:
            raise ModelError("the server is gone")
        return REPLY

    other = passage(
        "The roof of the north wing was mended twice, and it leaks again whenever the wind comes from the sea."
    )
    steps = []
    made = draft(scripted(reply), domain, "label", [other, passage()], progress=lambda *step: steps.append(step))
    assert len(made.drafts) == 2
    assert "the server is gone" in made.faults[0]
    assert steps == [(1, 2), (2, 2)]


def test_overlapping_passages_give_a_request_once_and_short_ones_none(domain):
    made = draft(scripted(REPLY), domain, "label", [passage(), passage(), passage("Too short.")], count=1)
    assert len(made.drafts) == 2
    assert len({one.query for one in made.drafts}) == 2


def test_a_task_that_is_not_there_is_an_error(domain):
    with pytest.raises(DomainError, match="gone"):
        draft(scripted(REPLY), domain, "gone", [passage()])
