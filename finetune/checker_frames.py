"""Made-up statements with sentences that follow from them and sentences that do not: what a citation check must not confuse.

Each frame takes dice and gives statements and sentences (text, follows). Frames are general forms of statement (who may do
what, more or less, before or after, all or some); their words come from `finetune.checker_words`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from finetune import checker_words as vocabulary
from finetune.checker_duties import DUTIES
from finetune.checker_figures import Made, amounts, bounds, cap, change, conversion, pick, shares, times, told_apart


def may(dice: random.Random) -> Made:
    """Who may, must or must not do what, and on which condition."""
    one, other = dice.sample(vocabulary.MANY + vocabulary.ONE, 2)
    base, _, done, doing, thing = dice.choice(vocabulary.ACTIONS)
    holds, fails, noun = dice.choice(vocabulary.CONDITIONS)
    said = {"one": one, "other": other, "act": f"{base} {thing}", "acting": f"{doing} {thing}", "done": done, "thing": thing,
            "holds": holds, "fails": fails, "noun": noun, "be": "are" if one in vocabulary.MANY else "is"}  # fmt: skip
    told, yes, no = ([form.format(**said) for form in forms.split("|")] for forms in dice.choice(DUTIES))
    return [dice.choice(told)], told_apart(yes, no)


def two_doers(dice: random.Random) -> Made:
    """One does this, another that."""
    pool = dice.choice([vocabulary.ONE, vocabulary.PEOPLE])
    one, other, third = dice.sample(pool, 3)
    (_, does, done, doing, thing), (_, does2, done2, _, thing2) = dice.sample(vocabulary.ACTIONS, 2)
    joint = pick(dice, ", and ", "; ", ", while ", ". ", ", but ", ", whereas ")
    told = f"{one} {does} {thing}{joint}{cap(other) if joint == '. ' else other} {does2} {thing2}"
    if dice.random() < 0.3:
        told = f"{thing} is {done} by {one}{joint}{cap(thing2) if joint == '. ' else thing2} by {other}".replace(
            "the shares is", "the shares are"
        )
    yes = [f"{thing2} {be(thing2)} {done2} by {other}", f"{one} is responsible for {doing} {thing}", f"{other} {does2} {thing2}",
           f"it is {one} who {does} {thing}"]  # fmt: skip
    no = [f"{one} {does2} {thing2}", f"{thing} {be(thing)} {done} by {other}", f"{other} is responsible for {doing} {thing}",
          f"{third} {does} {thing}", f"{one} does not {dice.choice(vocabulary.ACTIONS)[0]} {thing}", f"{other} {does} {thing} and {thing2}",
          f"it is {other} who {does} {thing}"]  # fmt: skip
    return [told], told_apart(yes, no)


def be(thing: str) -> str:
    return "are" if thing.split()[-1].endswith("s") or thing == "the data" else "is"


def relation(dice: random.Random) -> Made:
    """Who does it to whom, or what to what."""
    pool, verbs = dice.choice(
        [
            (vocabulary.ONE, vocabulary.RELATIONS),
            (vocabulary.PEOPLE, vocabulary.RELATIONS),
            (vocabulary.THINGS, vocabulary.INFLUENCES),
        ]
    )
    one, other, third = dice.sample(pool, 3)
    (does, done), (does2, done2) = dice.sample(verbs, 2)
    when = pick(dice, "", "", f" every {dice.choice(vocabulary.DAYS)[:-1]}", f" in {dice.choice(vocabulary.MONTHS)}")
    active, passive = f"{one} {does} {other}", f"{other} is {done} by {one}"
    told = pick(dice, active, passive) + when
    if dice.random() < 0.4:
        told += pick(dice, ", and ", "; ", ", while ") + pick(
            dice, f"{other} {does2} {third}", f"{third} is {done2} by {other}"
        )
    yes = [active, passive, f"it is {one} that {does} {other}", f"the one that is {done} is {other}, by {one}"]
    no = [f"{other} {does} {one}", f"{one} is {done} by {other}", f"it is {other} that {does} {one}", f"{third} {does} {other}",
          f"{other} is {done} by {third}", f"{one} is the one that is {done}"]  # fmt: skip
    return [told], told_apart([text for text in yes if text != told], no)


def ellipsis(dice: random.Random) -> Made:
    """One does, the other does not."""
    one, other = dice.sample(vocabulary.THINGS, 2)
    says, denies, verb = dice.choice([("runs on Sundays", "run on Sundays", "does"), ("reduces the noise", "reduce the noise", "does"),
                                      ("is insured against fire", "insured against fire", "is"), ("needs a permit", "need a permit", "does"),
                                      ("was tested in winter", "tested in winter", "was"), ("stores the data abroad", "store the data abroad", "does"),
                                      ("is covered by the guarantee", "covered by the guarantee", "is"), ("has a brake", "have a brake", "does")])  # fmt: skip
    told = pick(dice, f"{one} {says}; {other} {verb} not", f"{one} {says}, but {other} {verb} not", f"unlike {other}, {one} {says}",
                f"{other} {verb} not {denies}, whereas {one} {verb}")  # fmt: skip
    yes = [f"{other} {verb} not {denies}", f"{one} {says}", f"of the two, only {one} {says}"]
    no = [f"{other} {says}", f"{one} {verb} not {denies}", f"both {one} and {other} {denies}" if verb == "does" else f"{other} {says} too",
          f"{other} {says} as well"]  # fmt: skip
    return [told], told_apart(yes, no)


def order(dice: random.Random) -> Made:
    """Before and after."""
    (do, doing), (do2, doing2) = dice.sample(vocabulary.STEPS, 2)
    told = pick(
        dice,
        f"{do} before {doing2}",
        f"before {doing2}, {do}",
        f"{do2} only after {doing}",
        f"after {doing}, {do2}",
        f"first {do}, then {do2}",
    )
    yes = [f"{do} before you {do2}", f"{doing} comes before {doing2}", f"{doing2} comes after {doing}", f"do not {do2} until you have done the other: {do}",
           f"{doing2} is the later step, {doing} the earlier one"]  # fmt: skip
    no = [
        f"{do2} before you {do}",
        f"{doing2} comes before {doing}",
        f"{do} after {doing2}",
        f"{do2} first, then {do}",
        f"do not {do} before {doing2}",
    ]
    return [told], told_apart(yes, no)


def cause(dice: random.Random) -> Made:
    """Why it happened, and what is only supposed."""
    why, why2 = dice.sample(vocabulary.EVENTS, 2)
    what, what2 = dice.sample(vocabulary.RESULTS, 2)
    if dice.random() < 0.3:
        told = pick(
            dice,
            f"whether {why} is the reason why {what} is not known",
            f"it could not be shown that {what} because {why}",
        )
        yes = [f"it is open whether {what} because {why}", f"nobody knows if the reason is that {why}"]
        no = [
            f"{what} because {why}",
            f"it was shown that {what} because {why}",
            f"the reason why {what} is that {why}",
        ]
    else:
        told = pick(dice, f"{what} because {why}", f"{why}, so {what}", f"because {why}, {what}")
        told += pick(dice, "", f"; {what2} because {why2}", f". {cap(what2)} since {why2}")
        yes = [f"{what}, the reason being that {why}", f"the reason why {what} was that {why}", f"as {why}, {what}"]
        no = [f"{what} because {why2}", f"{what} although {why}", f"{why} because {what}", f"{what2} because {why}"]
    return [told], told_apart(yes, no)


def said(dice: random.Random) -> Made:
    """Who says so, who denies it, and what is expected only."""
    one, other = dice.sample([*vocabulary.ONE, *vocabulary.PEOPLE], 2)
    what, what2 = dice.choice(vocabulary.EVENTS), dice.choice(vocabulary.RESULTS)
    if dice.random() < 0.5:
        told = pick(
            dice,
            f"according to {one}, {what}; {other} denies this",
            f"{one} says that {what}, but {other} disagrees",
            f"{one} claims that {what}; {other} rejects the claim",
        )
        yes = [
            f"{one} holds that {what}",
            f"{other} denies that {what}",
            f"in the view of {one}, {what}",
            f"{one} and {other} disagree on whether {what}",
        ]
        no = [
            f"{other} says that {what}",
            f"{one} denies that {what}",
            f"according to {other}, {what}",
            f"{one} and {other} agree that {what}",
        ]
    else:
        told = pick(
            dice,
            f"{one} recommends the repair; {other} advises against it",
            f"{one} voted for the plan, {other} against it",
        )
        matter = "the repair" if "repair" in told else "the plan"
        yes = [f"{one} is in favour of {matter}", f"{other} is opposed to {matter}", f"{one} supports {matter}"]
        no = [
            f"{other} is in favour of {matter}",
            f"{one} is opposed to {matter}",
            f"{other} supports {matter}",
            f"both are in favour of {matter}",
        ]
    return [told, *([f"{what2}"] if dice.random() < 0.3 else [])], told_apart(yes, no)


def exception(dice: random.Random) -> Made:
    """All but these."""
    base, _, _, doing, thing = dice.choice(vocabulary.ACTIONS)
    one, other = dice.sample(vocabulary.MANY, 2)
    told = pick(
        dice,
        f"all {one} except {other} may {base} {thing}",
        f"{one} may {base} {thing}, but {other} may not",
        f"{one} may {base} {thing}; {other} are excluded from this",
    )
    yes = [
        f"{other} may not {base} {thing}",
        f"{doing} {thing} is allowed for {one}",
        f"{other} are not allowed to {base} {thing}",
    ]
    no = [
        f"{other} may {base} {thing}",
        f"{one} may not {base} {thing}",
        f"{one} and {other} may {base} {thing}",
        f"only {other} may {base} {thing}",
        f"everyone may {base} {thing}",
    ]
    return [told], told_apart(yes, no)


FRAMES: tuple[Callable[[random.Random], Made], ...] = (may, may, may, two_doers, two_doers, relation, relation, ellipsis, amounts, amounts, bounds, bounds, shares, order, cause,
                                                       change, said, times, exception, conversion)  # fmt: skip


def made(dice: random.Random, kept: int = 4) -> tuple[str, list[tuple[str, bool]]]:
    """A passage of one to three statements and up to `kept` claims on one of them, half of which follow."""
    frames = dice.sample(FRAMES, dice.choice([1, 1, 2, 2, 3]))
    told = [frame(dice) for frame in frames]
    place = dice.randrange(len(told))
    texts = [". ".join(cap(sentence) for sentence in sentences) + "." for sentences, _ in told]
    claims = told[place][1]
    dice.shuffle(claims)
    right = [claim for claim in claims if claim[1]][: kept // 2]
    wrong = [claim for claim in claims if not claim[1]][: kept // 2]
    return " ".join(texts), [(f"{cap(text)}.", follows) for text, follows in right + wrong]
