"""Units of measure: their names, what each measures, and how to change one into another. Pure; English."""

from __future__ import annotations

import re

from retrieval.words import STOPWORDS, stem

# kind: base unit and its names, then the other units as "names=factor"; the first name is the one that `unit_name` gives.
TABLE = {
    "time": "second s sec=1 ms millisecond=1e-3 minute min=60 hour h hr=3600 day=86400 night=86400 week=604800",
    "months": "month=1 year yr=12 decade=120 century centuries=1200",
    "size": "gb gigabyte gib=1 kb kilobyte=1e-6 mb megabyte=1e-3 tb terabyte=1e3",
    "length": "m metre meter=1 mm millimetre millimeter=1e-3 cm centimetre centimeter=1e-2 km kilometre kilometer=1e3 "
    "µm micrometre micrometer micron=1e-6 nm nanometre nanometer=1e-9 inch inches=0.0254 foot feet ft=0.3048 yard=0.9144 "
    "mile=1609.344",
    "weight": "kg kilogram kilo=1 mg milligram=1e-6 µg mcg microgram=1e-9 g gram gramme=1e-3 t tonne=1e3 ounce oz=0.02834952 "
    "lb lbs=0.4535924",
    "volume": "l litre liter=1 ml millilitre milliliter=1e-3 cl centilitre centiliter=1e-2 dl decilitre=0.1 gallon=3.785412 "
    "pint=0.473176",
    "power": "w watt=1 kw kilowatt=1e3 megawatt=1e6 gw gigawatt=1e9 horsepower hp=745.7",
    "energy": "kwh=1 mwh=1e3 joule j=2.777778e-7 calorie cal=1.163e-6 kcal kilocalorie=1.163e-3",
    "voltage": "volt v=1 kv kilovolt=1e3 mv millivolt=1e-3",
    "current": "ampere amp=1 ma milliampere=1e-3",
    "pressure": "bar=1 pascal pa=1e-5 kpa kilopascal=1e-2 psi=0.0689476 mmhg=0.00133322",
    "frequency": "hz hertz=1 khz kilohertz=1e3 mhz megahertz=1e6 ghz gigahertz=1e9 rpm=0.0166667",
    "share": "share=1 % percent=1e-2",
}
# These measure the same and never change into each other.
APART = {
    "money": (
        "$ dollar usd", "€ euro eur", "£ pound gbp", "franc chf", "krone kroner nok dkk", "krona kronor sek", "crown",
        "yen jpy", "yuan cny", "rupee inr", "peso", "zloty pln", "real", "rand", "cent", "penny pence", "øre",
    ),
    "temperature": ("°c celsius", "°f fahrenheit", "kelvin"),
    "bit": ("bit",),
}  # fmt: skip
UNIT_AFTER = re.compile(r"[\s-]*(?:(?:degrees?|°)\s*(celsius|fahrenheit|[CF]\b)|(%|°|[A-Za-zµ]+))", re.IGNORECASE)
# "40 litres per minute", "15 dollars a day": what an amount is for.
RATE = re.compile(r"(?:[\s-]+[A-Za-z%°]+){0,3}?\s*(?:/|\b(?:per|an?|each|every|in an?)\b)\s*([A-Za-z]+)", re.IGNORECASE)


def _read() -> tuple[dict[str, str], dict[str, str], dict[str, tuple[str, float]]]:
    """Names of units, kind of each unit, and its factor to the base unit of what it measures."""
    named: dict[str, str] = {"per": ""}
    kinds: dict[str, str] = {}
    factors: dict[str, tuple[str, float]] = {}
    for kind, line in TABLE.items():
        names: list[str] = []
        for word in line.split():
            word, is_last, factor = word.partition("=")
            names.append(word)
            if is_last:
                named |= dict.fromkeys(names, names[0])
                factors[names[0]] = (kind, float(factor))
                # People measure time in months too: a changed one contradicts a number of days.
                kinds[names[0]] = {"months": "time", "share": "%"}.get(kind, kind)
                names = []
    for kind, lines in APART.items():
        for line in lines:
            first, *_ = line.split()
            named |= dict.fromkeys(line.split(), first)
            kinds[first] = kind
    return named, kinds, factors


UNITS, KINDS, FACTORS = _read()


def unit_name(word: str) -> str:
    """The one name of a unit; of any other noun its stem; empty for a small word."""
    lowered = word.lower()
    if lowered in STOPWORDS and lowered not in UNITS:
        return ""
    singular = lowered[:-1] if lowered.endswith("s") and len(lowered) > 2 else lowered
    named = UNITS.get(lowered, UNITS.get(singular))
    return named if named is not None else stem(lowered)


def unit_after(text: str) -> str:
    """The unit that follows a number at the start of `text`."""
    found = UNIT_AFTER.match(text)
    if not found:
        return ""
    degree = found.group(1)
    return f"°{degree[0].lower()}" if degree else unit_name(found.group(2))


def rate_after(text: str) -> str:
    """The time that an amount at the start of `text` (its number cut off) is for: "litres per minute" gives minute."""
    found = RATE.match(text)
    unit = unit_name(found.group(1)) if found else ""
    return unit if KINDS.get(unit) == "time" else ""
