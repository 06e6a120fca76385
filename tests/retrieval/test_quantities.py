"""Amounts are the same whatever their unit and however they are written; limits and rates are part of them."""

from __future__ import annotations

import pytest

from retrieval.quantities import durations, numbers


def one(text: str):
    (number,) = numbers(text)
    return number


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("500 g", "0.5 kg"),
        ("250 ml", "0.25 litres"),
        ("1.8 m", "180 cm"),
        ("1.8 kW", "1,800 watts"),
        ("half a year", "six months"),
        ("half an hour", "30 minutes"),
        ("two thirds of it", "67 percent"),
        ("24 hours", "1 day"),
        ("three million", "3,000,000"),
        ("20 degrees Celsius", "20 °C"),
    ],
)
def test_these_are_the_same(text: str, other: str):
    assert one(text).same(one(other))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("500 mg", "500 g"),
        ("40 litres per minute", "40 litres per second"),
        ("100 francs", "100 euros"),
        ("15 euros", "15:00"),
        ("the third lamp", "three lamps"),
        ("20 degrees Celsius", "20 degrees Fahrenheit"),
        ("0.35%", "0.53%"),
    ],
)
def test_these_are_not(text: str, other: str):
    assert not one(text).same(one(other))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("at least 5 kg", 1),
        ("no less than 5 kg", 1),
        ("5 kg or more", 1),
        ("up to 5 kg", -1),
        ("no more than 5 kg", -1),
        ("within 5 days", -1),
        ("5 kg", 0),
    ],
)
def test_a_limit_is_read_off_the_words_around_it(text: str, bound: int):
    assert one(text).bound == bound


def test_a_length_of_time_may_stand_without_a_number():
    assert one("twelve months").same(durations("once a year")[0])
    assert one("7 days").same(durations("kept for a week")[0])
    assert not durations("trouble")


@pytest.mark.parametrize("text", ["10.0.0.1:8080", "fe80:1:2:3.5.6", "3.5:2", "1:2:3:4", "1.2.3e5:4"])
def test_an_address_is_compared_as_a_whole_and_stops_nothing(text: str):
    assert numbers(text) == numbers(text)
    assert not any(one.same(other) for one in numbers(text) for other in numbers("10 o'clock, 3.5 hours"))


def test_a_time_of_day_is_read_still():
    assert [one.value for one in numbers("from 08:30 to 12:15:30")] == [8.5, 12.25]
