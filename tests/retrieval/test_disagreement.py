"""What a sentence says otherwise than its passage is found, whatever the matter; what says the same in other words is not."""

from __future__ import annotations

import pytest

from retrieval.comparing import compared_numbers
from retrieval.disagreement import disagreements
from retrieval.told import parts, stems

LOCKS = "The upper lock is 40 m long and lets boats of up to 12 m through; the lower lock is 55 m long. "
RULES = (
    "Guests may light a fire if the warden has agreed. Dogs must not run free, but cats may. "
    "Most cabins have a stove; only the two oldest are heated by gas."
)
COURT = "According to the builder the roof was sound; the owner denies this. The repair was delayed because a beam had rotted."


def rules(sentence: str, passage: str) -> set[str]:
    return {one.rule for one in disagreements(sentence, passage)}


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("The upper lock is 55 m long.", LOCKS),
        ("The upper lock is 40 km long.", LOCKS),
        ("The lower lock is shorter than the upper lock.", LOCKS),
        ("The upper lock lets boats of at least 12 m through.", LOCKS),
        ("The middle lock is called Agnes.", LOCKS),
        ("Guests may always light a fire.", RULES),
        ("Guests may light a fire.", RULES),
        ("Guests may light a fire even if the warden has not agreed.", RULES),
        ("Dogs may run free.", RULES),
        ("All cabins have a stove.", RULES),
        ("Few cabins have a stove.", RULES),
        ("According to the owner the roof was sound.", COURT),
        ("The builder denies that the roof was sound.", COURT),
        ("A beam had rotted because the repair was delayed.", COURT),
        ("Close the lid before adding the salt.", "Add the salt before closing the lid."),
        ("The fee fell from 12 to 9 francs.", "The fee rose from 9 to 12 francs in spring."),
        ("Filters are changed once a month.", "Filters are changed once a year; seals last longer."),
        ("The clerk may open the letters.", "Only the judge may open the letters. The clerk keeps the stamps."),
        ("The clerk must open the letters.", "The clerk may open the letters before noon."),
        ("The fee will rise.", "The fee may rise next year."),
        ("Ms Sato sings alto.", "Ms Sato sings soprano and Mr Lund alto."),
        ("Lund won the race by a minute.", "Sato won the race by a minute, ahead of Lund."),
        (
            "He studied at the University of Turin.",
            "He studied at the University of Padua and taught at the university there.",
        ),
        ("Fire the clay with glaze.", "Fire the clay without glaze and let it cool."),
        (
            "The bridge was closed because of the flood.",
            "The flood of May filled the cellars. In June the bridge was closed because a bolt broke.",
        ),
        ("The harvest was poor because of the rain.", "There was much rain, yet the harvest was poor."),
        ("Seven of the judges agreed.", "Four of the seven judges agreed."),
        ("The alarm stops when the key is pressed.", "The alarm stops when the lid is closed."),
        ("Rye needs less salt than oats.", "Rye needs less water than oats but more salt."),
        ("Open doors were tried more often than locked ones.", "Locked doors were tried as often as open ones."),
        ("The heron was frightened by the fox.", "The fox was frightened by the heron, and the hen by the owl."),
    ],
)
def test_a_changed_meaning_is_found_though_the_words_agree(sentence: str, passage: str):
    assert rules(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("The lower lock has a length of 55 m.", LOCKS),
        ("The lower lock is longer than the upper lock.", LOCKS),
        ("With the warden's agreement, guests can light a fire.", RULES),
        ("It is forbidden to let dogs run free.", RULES),
        ("A majority of the cabins have a stove.", RULES),
        ("The builder says that the roof was sound.", COURT),
        ("A rotten beam was the reason for the delay of the repair.", COURT),
        ("Before you close the lid, add the salt.", "Add the salt before closing the lid."),
        ("No later than 14 days after the visit the bill is sent.", "The bill is sent within two weeks of the visit."),
        ("Every twelve months the filters are changed.", "Filters are changed once a year; seals last longer."),
        ("Half an hour is enough for the walk.", "The walk takes 30 minutes."),
        ("No more than a third can be paid in cash.", "Up to 33% can be paid in cash."),
        ("It took seven years to dig the canal.", "The canal was dug between 1824 and 1831."),
        ("Nine guests in ten come back.", "90% of the guests come back."),
        ("It takes three quarters of an hour.", "It takes 45 minutes."),
        ("There are half as many accidents as before.", "Since then accidents have halved."),
        ("Guests cannot see the tracker.", "Guests see only the wiki; contractors see the wiki and the tracker."),
        ("The mice had eaten the cheese.", "The mice ate the cheese at night."),
        ("Swimming is not allowed.", "Swimming is prohibited in the upper basin."),
        (
            "Nobody but the judge may open the letters.",
            "Only the judge may open the letters. The clerk keeps the stamps.",
        ),
    ],
)
def test_the_same_in_other_words_is_not_taken_for_a_contradiction(sentence: str, passage: str):
    assert not rules(sentence, passage) - {"word"}


def test_a_part_takes_the_subject_that_it_leaves_out_from_the_part_before_it():
    first, second, third = parts("The north gate opens at six and closes at nine; the south gate does not.")
    assert stems("north gate") <= second.all
    assert third.denied
    assert stems("south gate") <= third.all
    assert not first.denied


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [("Oslo is colder than Rome.", -1), ("Rome is warmer than Oslo.", 1), ("Rome is nicer than Oslo.", 0)],
)
def test_numbers_bear_a_comparison_out_or_go_against_it(sentence: str, verdict: int):
    assert compared_numbers(sentence, "In May Rome has 22 degrees; Oslo has 9 degrees.") == (
        -verdict if "colder" in sentence else verdict
    )
