"""What a question names by a code: found as it is, never taken for another one's, missed where it stands nowhere."""

from __future__ import annotations

import pytest

from core.types import Passage
from retrieval.identifiers import identifiers, nearest, speaking_of, stands
from retrieval.placing import narrowed

ROWS = "Code: E-414; Reset by: technician.\nCode: E-415; Reset by: shift lead.\nCode: E-416; Reset by: operator."


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("On which shelf does XR-7740-C lie?", ["XR-7740-C"]),
        ("what does error 0x80a6 mean", ["0x80a6"]),
        ("Why was INC-20913 closed, and KX-1042?", ["INC-20913", "KX-1042"]),
        ("Does Llama-3.1-8B run on an H200?", ["Llama-3.1-8B", "H200"]),
        ("Who holds room 103?", ["room 103"]),
        ("What changed in version 3.2 of the policy?", ["version 3.2"]),
        ("A 24GB card, an 8B model and 3,000 tickets for the 2nd time in 16-bit on 2026-03-31 at 1e-4", []),
        ("Articles 5 to 7, section 2 or 3", []),
        ("How do I play an mp3 on k8s in utf-8?", []),
    ],
)
def test_codes_are_told_from_amounts_and_words(query, found):
    assert list(identifiers(query)) == found


@pytest.mark.parametrize(
    ("name", "text", "there"),
    [
        ("XR-7740-B", "Part xr 7740 b is a wrench head.", True),
        ("XR-7740", "Part XR-7740-B is a wrench head.", True),
        ("E-41", "Code: E-414", False),
        ("XR-7740-B", "Part XR-7704-B", False),
        ("room 102", "Building: Mill; Room: 102; Holder: Mr Bo.", True),
        ("room 102", "It costs 102.50 euros.", False),
        ("section 2.2", "2.2 Forklifts drive at 8 km/h.", True),
    ],
)
def test_a_name_stands_only_as_itself(name, text, there):
    assert stands(name, text) is there


def test_what_is_missing_is_named_with_its_like():
    texts = ["XR-7740-B lies on shelf 3.", "RX-7740-B lies on shelf 2.", "Ticket INC-20913 is closed."]
    assert not any(stands("XR-7740-C", text) for text in texts)
    assert any(stands("XR-7740-B", text) for text in texts)
    assert nearest("XR-7740-C", texts)[0] == "XR-7740-B"
    assert nearest("INC-99", texts) == () or "INC-20913" in nearest("INC-99", texts)


def test_what_follows_a_name_speaks_of_it_until_another_comes():
    sentences = ["Part AB-11 is a belt.", "It lies on shelf 2.", "Part AB-12 is a head.", "It lies on shelf 3."]
    assert speaking_of(["AB-12"], "Parts", sentences) == [False, False, True, True]
    assert speaking_of(["AB-12"], "Parts > AB-12", ["It lies on shelf 3."]) == [True]


def test_a_reader_gets_the_row_that_is_asked_for():
    passage = Passage(id="p", source="press.md", text=ROWS, heading="Fault codes")
    assert narrowed(passage, ("E-415",)).text == "Code: E-415; Reset by: shift lead."
    assert narrowed(passage, ()).text == ROWS
    assert narrowed(passage, ("E-999",)).text == ROWS
