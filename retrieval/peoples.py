"""Countries and what is called after them: "Danish" says "from Denmark". Pure; English."""

from __future__ import annotations

from functools import lru_cache

# One line for each: the country, then its adjective and its people. Where "-n" and the like are all, the ending stands alone.
COUNTRIES = (
    "Afghanistan Afghan", "Albania -n", "Algeria -n", "Angola -n", "Argentina Argentine Argentinian", "Armenia -n", "Australia -n",
    "Austria -n", "Azerbaijan -i", "Bangladesh -i", "Belarus -ian", "Belgium Belgian", "Bolivia -n", "Bosnia -n", "Brazil -ian",
    "Bulgaria -n", "Cambodia -n", "Cameroon -ian", "Canada Canadian", "Chile -an", "China Chinese", "Colombia -n", "Croatia -n",
    "Cuba -n", "Cyprus Cypriot", "Czechia Czech", "Denmark Danish Dane", "Ecuador -ian", "Egypt -ian", "England English",
    "Estonia -n", "Ethiopia -n", "Finland Finnish Finn", "France French", "Georgia -n", "Germany German", "Ghana Ghanaian",
    "Greece Greek", "Hungary Hungarian", "Iceland -ic -er", "India -n", "Indonesia -n", "Iran -ian", "Iraq -i", "Ireland Irish",
    "Israel -i", "Italy Italian", "Jamaica -n", "Japan -ese", "Jordan -ian", "Kazakhstan Kazakh", "Kenya -n", "Korea -n",
    "Kuwait -i", "Laos Lao Laotian", "Latvia -n", "Lebanon Lebanese", "Libya -n", "Lithuania -n", "Luxembourg -er", "Malaysia -n",
    "Malta Maltese", "Mexico Mexican", "Moldova -n", "Mongolia -n", "Morocco Moroccan", "Mozambique Mozambican", "Nepal -ese -i",
    "Netherlands Dutch Holland", "Nigeria -n", "Niger Nigerien", "Norway Norwegian", "Pakistan -i", "Palestine Palestinian",
    "Panama -nian", "Paraguay -an", "Peru -vian", "Philippines Filipino Philippine", "Poland Polish Pole", "Portugal Portuguese",
    "Qatar -i", "Romania -n", "Russia -n", "Scotland Scottish Scots Scot", "Senegal -ese", "Serbia -n", "Singapore -an",
    "Slovakia Slovak -n", "Slovenia Slovene -n", "Somalia Somali", "Spain Spanish Spaniard", "Sudan -ese", "Sweden Swedish Swede",
    "Switzerland Swiss", "Syria -n", "Taiwan -ese", "Tanzania -n", "Thailand Thai", "Tunisia -n", "Turkey Turkish Turk",
    "Uganda -n", "Ukraine Ukrainian", "Uruguay -an", "Uzbekistan Uzbek", "Venezuela -n", "Vietnam -ese", "Wales Welsh",
    "Yemen -i", "Zambia -n", "Zimbabwe -an", "Africa -n", "America -n", "Asia -n", "Europe -an", "Britain British Briton",
    "Catalonia Catalan", "Flanders Flemish", "Bavaria -n", "Sicily Sicilian", "Prussia -n", "Persia -n", "Rome Roman",
    "Athens Athenian", "Venice Venetian", "Paris -ian", "Vienna Viennese", "London -er", "Siberia -n", "Tibet -an",
)  # fmt: skip


@lru_cache(maxsize=1)
def called_after() -> dict[str, frozenset[str]]:
    """By each word, lower-case, all that name the same country, with their plurals: "dane" gives denmark, danish, danes ..."""
    found: dict[str, frozenset[str]] = {}
    for line in COUNTRIES:
        country, *others = line.lower().split()
        all_words = {country, *(country + one[1:] if one.startswith("-") else one for one in others)}
        all_words |= {f"{word}s" for word in all_words if not word.endswith(("s", "sh", "ch", "ese"))}
        found |= dict.fromkeys(all_words, frozenset(all_words))
    return found
