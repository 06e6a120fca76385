"""The frames of `finetune.checker_frames` that tell of figures: amounts, bounds, shares, changes, times, units; and what all frames
share."""

from __future__ import annotations

import random
from collections.abc import Iterable

from finetune import checker_words as vocabulary

# Sentences of a passage, and sentences that may or may not follow from them: (text, follows).
Made = tuple[list[str], list[tuple[str, bool]]]
SPELLED = vocabulary.listed("zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve")
RIVAL_UNITS = {"kg": "grams", "euros": "dollars", "days": "weeks", "litres": "gallons", "metres": "feet", "watts": "kilowatts",
               "degrees": "bar", "seats": "rows", "hours": "minutes", "customers": "countries", "percent": "euros"}  # fmt: skip


def number(dice: random.Random, n: int) -> str:
    return SPELLED[n] if n <= 12 and dice.random() < 0.5 else f"{n:,}"


def pick(dice: random.Random, *forms: str) -> str:
    return dice.choice(forms)


def cap(text: str) -> str:
    return text[0].upper() + text[1:]


def told_apart(yes: Iterable[str], no: Iterable[str]) -> list[tuple[str, bool]]:
    return [*((text, True) for text in yes), *((text, False) for text in no)]


def amounts(dice: random.Random) -> Made:
    """Two things, each with its amount."""
    one, other = dice.sample(vocabulary.THINGS, 2)
    verb, noun, unit, more, less, low, high = dice.choice(vocabulary.MEASURES)
    a, b = sorted(dice.sample(range(low, high + 1), 2))
    if dice.random() < 0.5:
        one, other = other, one
    first, second = (one, a), (other, b)
    if dice.random() < 0.5:
        first, second = second, first
    wrong = next(n for n in (dice.randint(low, high * 2) for _ in iter(int, 1)) if n not in (a, b))
    says = [verb.format(n=number(dice, n)) for _, n in (first, second)]
    joint = pick(dice, "; ", ", and ", ", while ", ". ", ", ")
    told = f"{first[0]} {says[0]}{joint}{cap(second[0]) if joint == '. ' else second[0]} {says[1]}"
    yes = [
        f"{noun} {one} is {a:,} {unit}",
        f"{other} {verb.format(n=number(dice, b))}",
        f"{other} is {more} than {one}",
        f"{one} is {less} than {other}",
    ]
    no = [f"{one} {verb.format(n=number(dice, b))}", f"{noun} {other} is {number(dice, a)} {unit}", f"{one} is {more} than {other}",
          f"{other} is {less} than {one}", f"{one} {verb.format(n=f'{wrong:,}')}", f"{one} and {other} are equally {'large' if len(more) > 8 else 'good'}",
          f"{other} {verb.format(n=number(dice, b)).replace(unit, RIVAL_UNITS[unit])}"]  # fmt: skip
    return [told], told_apart(yes, no)


def bounds(dice: random.Random) -> Made:
    """At least, at most, from, up to."""
    holder = dice.choice(vocabulary.THINGS + vocabulary.ONE)
    thing, verb = dice.choice([("visitors", "admit"), ("kg", "carry"), ("hours", "run"), ("euros", "spend"), ("tablets", "take"), ("percent of it", "keep"),
                               ("days", "wait"), ("bags", "load"), ("months", "store it"), ("metres", "keep a distance of")])  # fmt: skip
    n = dice.randint(2, 12) if dice.random() < 0.6 else dice.randint(13, 600)
    wrong = n + dice.randint(1, 9) * (10 if n > 100 else 1)
    said, bad = number(dice, n), number(dice, wrong)
    low = [
        f"at least {said} {thing}",
        f"no less than {said} {thing}",
        f"a minimum of {said} {thing}",
        f"{said} {thing} or more",
    ]
    high = [
        f"at most {said} {thing}",
        f"no more than {said} {thing}",
        f"up to {said} {thing}",
        f"a maximum of {said} {thing}",
        f"not more than {said} {thing}",
    ]
    modal = pick(dice, "must", "has to", "should")
    if dice.random() < 0.5:
        told = f"{holder} {modal} {verb} {dice.choice(low)}"
        yes = [f"{holder} must {verb} {form}" for form in dice.sample(low, 2)] + [f"{said} {thing} is the least that {holder} has to {verb}",
               f"{holder} may not {verb} less than {said} {thing}"]  # fmt: skip
        no = [f"{holder} must {verb} {form}" for form in dice.sample(high, 2)] + [f"{holder} may {verb} less than {said} {thing}",
              f"{holder} must {verb} {low[0].replace(said, bad)}", f"{said} {thing} is the most that {holder} may {verb}"]  # fmt: skip
    else:
        told = f"{holder} may {verb} {dice.choice(high)}"
        yes = [f"{holder} can {verb} {form}" for form in dice.sample(high, 2)] + [f"{said} {thing} is the most that {holder} may {verb}",
               f"{holder} may not {verb} more than {said} {thing}"]  # fmt: skip
        no = [f"{holder} {modal} {verb} {form}" for form in dice.sample(low, 2)] + [f"{holder} may {verb} more than {said} {thing}",
              f"{holder} may {verb} {high[2].replace(said, bad)}", f"{holder} must {verb} {said} {thing}"]  # fmt: skip
    return [told], told_apart(yes, no)


def shares(dice: random.Random) -> Made:
    """All, most, some, few, none."""
    group, (state, lacks) = dice.choice(vocabulary.GROUPS), dice.choice(vocabulary.STATES)
    place = dice.choice(vocabulary.PLACES)
    levels = [
        [f"all {group} in {place} {state}", f"every one of the {group} in {place} is among those that {state}", f"the {group} in {place} {state} without exception"],
        [f"most {group} in {place} {state}", f"the majority of the {group} in {place} {state}", f"the {group} in {place} usually {state}",
         f"nearly all {group} in {place} {state}"],
        [f"some {group} in {place} {state}", f"several of the {group} in {place} {state}", f"a number of {group} in {place} {state}"],
        [f"few {group} in {place} {state}", f"hardly any {group} in {place} {state}", f"the {group} in {place} rarely {state}", f"only a small share of the {group} in {place} {state}"],
        [f"no {group} in {place} {state}", f"none of the {group} in {place} {state}", f"the {group} in {place} never {state}"],
    ]  # fmt: skip
    at = dice.randrange(5)
    follows = {0: [0, 2], 1: [1, 2], 2: [2], 3: [3], 4: [4]}[at]
    claims = [(form, level in follows) for level, forms in enumerate(levels) for form in forms]
    told = dice.choice(levels[at])
    if at == 1:
        claims.append(
            (
                f"few {group} in {place} are {lacks}"
                if lacks.startswith("not")
                else f"a minority of the {group} in {place} {lacks}",
                True,
            )
        )
    return [told], [one for one in claims if one[0] != told or dice.random() < 0.2]


def change(dice: random.Random) -> Made:
    """From this to that, up or down."""
    up, down, up2, down2, up3, down3, up4, down4, more, less = dice.choice(vocabulary.CHANGES)
    thing = dice.choice(
        [
            "sales",
            "the water level",
            "the rent",
            "the price of milk",
            "turnover",
            "the number of members",
            "unemployment",
            "the pulse",
            "energy use",
        ]
    )
    a, b = sorted(dice.sample(range(2, 900), 2))
    rises = dice.random() < 0.5
    now, other = (
        ((up, up2, up3, up4), (down, down2, down3, down4))
        if rises
        else ((down, down2, down3, down4), (up, up2, up3, up4))
    )
    start, end = (a, b) if rises else (b, a)
    year, year2 = sorted(dice.sample(range(1990, 2030), 2))
    told = pick(dice, f"{thing} {dice.choice(now)} from {start} to {end} between {year} and {year2}", f"in {year} {thing} stood at {start}, and in {year2} at {end}",
                f"{thing} {dice.choice(now)} to {end} in {year2}, after {start} in {year}")  # fmt: skip
    yes = [f"{thing} {form} between {year} and {year2}" for form in dice.sample(now, 2)] + [f"in {year2} {thing} stood at {end}",
           f"{thing} was {more if rises else less} in {year2} than in {year}"]  # fmt: skip
    no = [f"{thing} {form} between {year} and {year2}" for form in dice.sample(other, 2)] + [f"in {year2} {thing} stood at {start}",
          f"{thing} was {less if rises else more} in {year2} than in {year}", f"{thing} {now[0]} from {end} to {start}", f"{thing} {now[0]} to {end} in {year}"]  # fmt: skip
    return [told], told_apart(yes, no)


def times(dice: random.Random) -> Made:
    """When and where."""
    what = dice.choice(
        ["the office", "the pool", "the archive", "the desk", "the market", "the clinic", "the workshop"]
    )
    day, day2 = dice.sample(vocabulary.DAYS, 2)
    a, b, c = sorted(dice.sample(range(7, 21), 3))
    month, month2 = dice.sample(vocabulary.MONTHS, 2)
    told = pick(
        dice,
        f"{what} is open from {a}:00 to {c}:00 on {day} and from {b}:00 on {day2}",
        f"on {day} {what} opens at {a}:00, on {day2} at {b}:00",
    )
    extra = pick(dice, f"In {month} it is closed", f"It is closed in {month}", f"There are no opening hours in {month}")
    yes = [
        f"{what} opens at {a}:00 on {day}",
        f"on {day2} {what} opens at {b}:00",
        f"{what} is shut in {month}",
        f"on {day} {what} opens earlier than on {day2}",
    ]
    no = [f"{what} opens at {b}:00 on {day}", f"on {day2} {what} opens at {a}:00", f"{what} is shut in {month2}", f"{what} is open in {month}",
          f"on {day2} {what} opens earlier than on {day}", f"{what} is closed on {day}"]  # fmt: skip
    return [told, extra], told_apart(yes, no)


LENGTHS = (("14 days", "two weeks"), ("7 days", "a week"), ("24 months", "two years"), ("60 minutes", "an hour"), ("6 months", "half a year"), ("90 minutes", "one and a half hours"),
           ("48 hours", "two days"), ("30 minutes", "half an hour"), ("36 months", "three years"), ("50 percent", "half"), ("25 percent", "a quarter"), ("20%", "a fifth"),
           ("10%", "a tenth"), ("1.5 m", "150 cm"), ("2 km", "2,000 m"), ("0.5 kg", "500 g"), ("1,000", "one thousand"), ("3 million", "3,000,000"))  # fmt: skip


def conversion(dice: random.Random) -> Made:
    """The same amount in other words."""
    (one, same), (rival, rival2) = dice.sample(LENGTHS, 2)
    if dice.random() < 0.5:
        one, same = same, one
    frame = dice.choice(
        [
            "the limit is {}",
            "the report speaks of {}",
            "{} is the most that is allowed",
            "they asked for {}",
            "the rule says {}",
        ]
    )
    return [frame.format(one)], [
        (frame.format(same), True),
        (f"it is {same}, as stated", True),
        (frame.format(rival), False),
        (frame.format(rival2), False),
    ]
