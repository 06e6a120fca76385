"""A mix as a person writes it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.mix import is_mix, parse_mix
from finetune.rows import DatasetError, Limits


def test_shares_and_a_number_of_rows():
    assert parse_mix("label=0.5, recipe=0.3,reply=0.2:400") == {
        "shares": pytest.approx({"label": 0.5, "recipe": 0.3, "reply": 0.2}),
        "rows": 400,
    }
    assert "rows" not in parse_mix("label=1")
    assert is_mix("label=1")
    assert not is_mix("0123456789abcdef")


def test_shares_that_nearly_make_one_are_meant_to():
    found = parse_mix("a=0.33,b=0.33,c=0.33")["shares"]
    assert sum(found.values()) == pytest.approx(1)
    assert Limits(shares=found).shares == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("label=0.5,reply=0.3", "make 1 together"),
        ("label=0.5,label=0.5", "stands there once"),
        ("label=1.2,reply=-0.2", "greater than 0"),
        ("label=nan", "make 1 together"),
        ("label=half", "'half' is no share"),
        ("=1", "stands there once"),
        ("label=1:many", "'many'"),
        ("label=1:0", "a number of rows"),
    ],
)
def test_what_is_no_mix_is_said_with_how_to_write_one(text, why):
    with pytest.raises(DatasetError, match=f"{why}.*label=0.5,reply=0.5:400"):
        parse_mix(text)


def test_limits_take_no_shares_that_do_not_make_one():
    with pytest.raises(ValidationError, match="make 1 together"):
        Limits(shares={"label": 0.5})
