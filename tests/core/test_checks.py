from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.checks import Check, failed, numbers, query_numbers, schema_fault
from core.spelled import in_digits, spelled_numbers


@pytest.mark.parametrize(
    ("kind", "query", "good", "bad"),
    [
        ({"rule": "alpha == 2 * rank"}, "", '{"alpha": 16, "rank": 8}', '{"alpha": 8, "rank": 8}'),
        ({"one_of": ["a/b", "c/d"]}, "", "a/b", "a/b please"),
        ({"starts_with": "Hello"}, "", "Hello Tom,", "Dear Tom,"),
        ({"ends_with": "desk"}, "", "Yours, the desk", "the desk says"),
        ({"contains_one_of": ["in one day", "in two days"]}, "", "We answer in two days.", "We answer soon."),
        ({"forbids": ["sorry", "!"]}, "", "We look into it.", "So Sorry about that"),
        ({"max_words": 3}, "", "one two three", "one two three four"),
        (
            {"numbers_from_query": True},
            'Explain "3,000 rows in 2 files"',
            "There are 3000 rows.",
            "There are 4000 rows.",
        ),
        ({"numbers_from_query": ["gb"]}, "a 24GB card", '{"gb": 24}', '{"gb": 48}'),
        ({"keeps_quoted": 0.5}, 'Polite: "Restart the server"', "Could you restart the server?", "Could you, please?"),
        ({"name_from_query": True}, "Reply to Priya", "Hello Priya,\n", "Hello Tom,\n"),
        (
            {"differs_from_quoted": True},
            "say it without swearing: Who the hell left the freezer open all night?",
            "Who left the freezer open all night?",
            "Who the hell left the freezer open all night?",
        ),
        (
            {"differs_from_quoted": True},
            "How would this sound in plain English? The tenant shall remit payment on or before the first day.",
            "The tenant has to pay by the first day.",
            "Tenant shall remit payment on or before the first day.",
        ),
        (
            {"shorter_than_quoted": 0.5},
            "Summarise in a sentence:\nThe pool is closed in May because the filters are replaced, and opens again in June.",
            "The pool is closed in May.",
            "The pool is closed in May because the filters are being replaced, and opens in June.",
        ),
        (
            {"same_language": True},
            "Hazlo más corto: Le comunicamos que su bicicleta ya ha sido reparada y que la puede recoger",
            "Su bicicleta ya está reparada y la puede recoger",
            "We inform you that the bicycle has been repaired",
        ),
        (
            {"keeps_numbers": True},
            'Explain "exit code 137, 2 of 3 pods"',
            "Code 137: two of the 3 pods ended.",
            "Two of the 3 pods ended.",
        ),
        ({"listed": True}, "Name three farm animals.", "1. a cow\n2. a goat\n3. a pig", "1. a cow\n2. a goat"),
        ({"listed": True}, "What do I pack?", "- socks\n- shirts", "- socks\n- shirts\n- Socks"),
        ({"listed": True}, "ideas for a dinner for 12 people", "- soup\n- pasta", "soup or pasta"),
    ],
)
def test_each_kind_of_check_holds_and_fails(kind, query, good, bad):
    check = Check(message="wrong", **kind)
    assert check.holds(query, good)
    assert not check.holds(query, bad)


def test_another_language_is_right_where_the_query_names_one():
    check = Check(message="m", same_language=True)
    assert check.holds(
        "Write to my landlord in French: the heating is cold",
        "Bonjour, le chauffage est froid et la maison est froide.",
    )


@pytest.mark.parametrize("rule", ["__import__('os').system('true')", "open('/etc/passwd')", "nobody == 1", "1 / 0"])
def test_a_rule_can_do_no_harm_and_fails_quietly(rule):
    assert not Check(message="m", rule=rule).holds("", '{"a": 1}')


def test_a_check_has_exactly_one_kind():
    with pytest.raises(ValidationError, match="exactly one of"):
        Check(message="m", max_words=3, starts_with="x")
    with pytest.raises(ValidationError, match="exactly one of"):
        Check(message="m")


def test_a_schema_fault_comes_first_and_alone():
    schema = {
        "type": "object",
        "required": ["a"],
        "additionalProperties": False,
        "properties": {"a": {"type": "integer"}},
    }
    check = Check(message="other", max_words=2)
    assert failed((check,), schema, "", '{"a": 1}') == ()
    assert failed((check,), schema, "", '{"a": "x y z"}')[0].startswith("the JSON does not fit")
    assert schema_fault(schema, "{'a': 1}") == "the answer is not valid JSON"


def test_numbers_are_read_as_people_write_them():
    assert numbers("3,000 rows, 4.5 GB, 5k") == {3000.0, 4.5, 5000.0}
    assert {24.0, 8.0} <= query_numbers("One 24GB card and Llama-3.1-8B")


def test_a_rewriting_has_to_change_something_and_a_shortening_to_be_shorter():
    query = 'Shorten this: "We would like to let you know that the job has ended"'
    differs = Check(message="m", differs_from_quoted=True)
    assert differs.holds(query, "The job has ended.")
    assert not differs.holds(query, "We would like to let you know that the job has ended!")
    shorter = Check(message="m", shorter_than_quoted=0.9)
    assert shorter.holds(query, "The job has ended.")
    assert not shorter.holds(query, "We would really like to let you know that the job has ended")


def test_a_check_may_depend_on_what_is_asked_but_not_on_what_is_quoted():
    polite = Check(message="m", contains_one_of=["please"], when="polite")
    assert not polite.holds('Make this polite: "Go"', "Go away")
    assert polite.holds('Shorten this: "Be polite"', "Be nice")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("thirty-two billion parameters", {32, 32e9}),
        ("one thousand examples on the dot", {1000, 1}),
        ("six hundred and twelve mails on sixteen GB", {612, 16}),
        ("one twenty-four gigabyte card", {1, 24}),
        ("a tone of voice", set()),
    ],
)
def test_numbers_in_words_count(text, values):
    assert spelled_numbers(text) == values


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("Fourteen billion parameters on one twenty-four GB card", "14 billion parameters on one 24 GB card"),
        ("three thousand two hundred tickets", "3,200 tickets"),
        ("One hundred and twenty, or a seventy-billion model", "120, or a 70 billion model"),
        ("one of three", "one of three"),
        ("a hundred thanks", "a hundred thanks"),
        ("7B and 3,000", "7B and 3,000"),
    ],
)
def test_written_numbers_are_given_in_digits(text: str, digits: str):
    assert in_digits(text) == digits
    assert in_digits(digits) == digits
