"""A name is the passage's own, or another form of it; who stands in whose place is found, whatever the form of the sentence."""

from __future__ import annotations

import pytest

from retrieval.denial import denied_otherwise
from retrieval.disagreement import disagreements
from retrieval.elsewhere import of_another
from retrieval.exchanged import in_place_of_name
from retrieval.facts import name_stands, names
from retrieval.fullnames import full_names, other_full_name
from retrieval.quantities import durations, numbers
from retrieval.told import parts, stems, whole_sentences

CHOIR = (
    "Dr. Ana Weiss led the choir in Turku and Captain Noor Haddad the band; Y. K. Roth sang bass. King Olaf II came on 3 May. "
    "The Swiss ship Helvetia lay beside the Danish ship Freya. Tickets were sold in Hall B by Mr. Lund."
)
RACE = "Vega beat Orsini by a minute. Marsh Foods sold Dale Farms to Kern. Ms. Okoye opened the hall, and she sang two songs there."
LISTS = (
    "Alpha listens on port 1000, Beta on port 2000. It was put into Dutch by Ida Holm and into Welsh by Tom Holm-Lee. "
    "Goals came from Diaz and Okoro; Penn hit the bar."
)


def rules(sentence: str, passage: str) -> set[str]:
    return {one.rule for one in disagreements(sentence, passage)}


@pytest.mark.parametrize(
    ("name", "passage"),
    [
        ("denmark", "The Danish team came late."),
        ("dutch", "It was made in the Netherlands."),
        ("japan", "A Japanese firm built it."),
        ("imf", "The International Monetary Fund warned of it."),
        ("may", "It opens in May."),
    ],
)
def test_a_name_stands_in_another_form(name: str, passage: str):
    assert name_stands(name, passage)


@pytest.mark.parametrize(
    ("name", "passage"),
    [
        ("may", "Guests may come in March."),
        ("who", "Those who warned of it were few."),
        ("nigeria", "Niger voted against it."),
        ("sweden", "The Swiss team came late."),
        ("fao", "Farms and other plants are sold."),
    ],
)
def test_a_name_does_not_stand_where_only_its_letters_do(name: str, passage: str):
    assert not name_stands(name, passage)


def test_a_name_after_a_title_or_initials_begins_no_sentence():
    assert {"weiss", "quill", "roth"} <= names("It was led by Dr. Weiss. In Hall v. Quill it was shown by A. B. Roth.")


def test_a_name_in_full_is_one_run_without_the_words_that_begin_a_sentence():
    found = [name.words for name in full_names("The choir of Ana von Weiss met Y. K. Roth. Then Kern & Dale paid.")]
    assert found == [("ana", "von", "weiss"), ("y", "k", "roth"), ("kern", "dale")]


@pytest.mark.parametrize(
    "sentence",
    [
        "Noor Weiss led the choir in Turku.",
        "Captain Weiss led the choir in Turku.",
        "Marta Weiss led the choir in Turku.",
        "T. K. Roth sang bass.",
        "King Olaf III came.",
        "Tickets were sold in Hall C.",
        "Tickets were sold in the hall by Ms. Lund.",
        "The Danish ship Helvetia lay there.",
    ],
)
def test_a_name_of_several_words_is_compared_as_a_whole(sentence: str):
    assert other_full_name(sentence, CHOIR)


@pytest.mark.parametrize(
    "sentence",
    [
        "Ana Weiss led the choir in Turku.",
        "Dr. Weiss led the choir.",
        "K. Roth sang bass.",
        "Yesterday Weiss led the choir.",
        "The conductor Weiss led the choir.",
        "Olaf II came on 3 May.",
        "The Helvetia, a Swiss ship, lay beside the Freya.",
        "In Turku Weiss led the choir.",
    ],
)
def test_a_shorter_form_of_a_name_is_the_same_name(sentence: str):
    assert not other_full_name(sentence, CHOIR)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Orsini beat Vega by a minute.", RACE),
        ("Dale Farms sold Marsh Foods to Kern.", RACE),
        ("Kern beat Orsini by a minute.", RACE),
        ("Quito voted against the plan.", "The plan came up in June; Lima voted against the plan."),
        ("Beta listens on port 1000.", LISTS),
        ("It was put into Welsh by Ida Holm.", LISTS),
        ("Goals came from Diaz and Penn.", LISTS),
        ("The ship came from Bergen to Oslo.", "The ship came from Oslo to Bergen in a day."),
        ("Mr. Penn sang two songs there.", "Ms. Roth met Mr. Penn at noon. She sang two songs there."),
        ("Olaf II had been crowned in Trondheim.", "Olaf III, the son of Olaf II, had been crowned in Trondheim."),
    ],
)
def test_a_name_in_the_place_of_another_is_found(sentence: str, passage: str):
    assert in_place_of_name(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Orsini was beaten by Vega.", RACE),
        ("Marsh Foods sold Dale Farms.", RACE),
        ("Beta listens on port 2000.", LISTS),
        ("Tom Holm-Lee put it into Welsh.", LISTS),
        ("Okoro and Diaz were the source of the goals.", LISTS),
        ("Researchers found the comet in 1986.", "Halden found the comet in 1986 and Halden named it."),
        ("Lund sings on Friday.", "Ana Roth sings on Monday, Paul Lund on Friday."),
        ("Orsini met Vega in Rome.", "Vega met Orsini in Rome."),
        ("Ms. Okoye sang two songs there.", RACE),
    ],
)
def test_the_right_name_in_other_words_is_not_taken_for_another(sentence: str, passage: str):
    assert not in_place_of_name(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Bela Sorbye wrote it in Tromso.", "It was written by Béla Sørbye in Tromsø."),
        ("The firm is from Hungary.", "The Hungarian firm was founded in 1990."),
        ("The International Monetary Fund warned of debts.", "The IMF warned of debts."),
        ("Lund's deputy is Ana Roth.", "Peter Lund chairs the board; Ana Roth is his deputy."),
        ("It has 60 rooms in Riga.", "The hotel has 240 rooms in Tartu and 60 in Riga."),
        ("The company was founded by Liis Kask.", "Tessera was founded by Liis Kask. The company sells maps."),
        ("From May to June Lake Orsa is dry.", "Lake Orsa lies near Kolm. The lake is dry from May to June."),
        ("Roth's brands Alda and Bronn were kept.", "Roth's brands, Alda and Bronn, were kept; the plant was sold."),
        ("The club does not meet in August.", "The club meets on Mondays, in August not at all."),
    ],
)
def test_a_true_sentence_that_keeps_the_names_is_not_refused(sentence: str, passage: str):
    assert not rules(sentence, passage) - {"word"}


def test_what_stands_between_commas_is_no_part_of_its_own():
    found = parts("A drug from Graz, Velarin, was approved in May but not by the clinic.")
    assert stems("drug Velarin approved") <= found[0].own
    assert denied_otherwise("Velarin was never approved in May.", "A drug from Graz, Velarin, was approved in May.")


def test_a_negation_before_a_place_sets_no_limit():
    passage = "The shop is closed. The maps are under the counter."
    assert denied_otherwise("The maps are not under the counter.", passage)
    assert not denied_otherwise("Children must not be under the age of six.", "Children must be six or older.")


def test_years_are_counted_on_from_the_one_that_is_named():
    text = "It opened in 1962, closed three years later, a year before the flood, and 20 years after the war."
    assert {number.value for number in durations(text)} >= {1965, 1963, 1942}
    assert not any(number.value == 1965 for number in numbers(text))


def test_two_years_before_and_two_years_after_agree_where_the_names_have_changed_places():
    passage = "The Vega reached Quito in 1901, two years before the Lyra."
    assert "number" not in rules("The Lyra came two years after the Vega.", passage)
    assert "number" in rules("The Vega came two years after the Lyra.", passage)


def test_a_sentence_may_begin_with_a_small_letter_of_a_product():
    assert whole_sentences("It runs on Debian. macOS users build it.") == (
        "It runs on Debian.",
        "macOS users build it.",
    )


FERRIES = (
    "The ferry Maja sailed on Monday from Bergen with forty cars. Her sister ship, Nora, had sailed a day earlier from Oslo. "
    "Ilse moved to Turku in 1990. With Ben she moved to Vaasa in 1999."
)


@pytest.mark.parametrize(
    ("sentence", "refused"),
    [
        ("Maja sailed from Oslo.", True),
        ("Maja sailed from Bergen.", False),
        ("Nora sailed from Oslo.", False),
        ("Ilse moved to Vaasa.", False),  # "she" is Ilse
        ("Maja sailed on Monday.", False),
    ],
)
def test_the_place_of_one_is_not_that_of_another(sentence: str, refused: bool):
    assert bool(of_another(sentence, FERRIES)) is refused
