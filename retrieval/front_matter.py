"""What stands before a document's text for the program that shows it: its title and its dates are kept, the rest is no text.
Pure."""

from __future__ import annotations

import datetime
import re
import tomllib
from typing import Any

import yaml

YAML = re.compile(r"\s*---[ \t]*\n(?P<inside>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|$)")
TOML = re.compile(r"\s*\+\+\+[ \t]*\n(?P<inside>(?:.*\n)*?)\+\+\+[ \t]*(?:\n|$)")
A_KEY = re.compile(r"^[\w-]+[ \t]*[:=]", re.MULTILINE)
# They say which version one reads, and whether it is in force.
KEPT = re.compile(
    r"(?:^|_)(?:date|updated|modified|reviewed?|published|effective|valid|expires?|expiry|version|revision|status|supersede[sd]|"
    r"replace[sd]|deprecated|archived|draft|lastmod|created)(?:_|$)"
)
TOLD = ("description", "summary", "abstract")
HEADING = re.compile(r"^(?:#\s+\S|\S.*\n=+[ \t]*$)", re.MULTILINE)
LONGEST = 200
MOST = 20_000


def without_front_matter(text: str) -> str:
    """A Markdown text without its front matter. The title there is its first heading where it has none of its own; dates,
    versions and states follow it as a sentence."""
    found = YAML.match(text) or TOML.match(text)
    if found is None or not A_KEY.search(found["inside"]):
        return text
    fields, body = read(found["inside"], found.re is TOML), text[found.end() :]
    title = " ".join(fields["title"].split()) if isinstance(fields.get("title"), str) else ""
    told = [str(fields[name]).strip() for name in TOLD if isinstance(fields.get(name), str)]
    about = sentence(fields)
    parts = [one for one in (*told[:1], about) if one and one not in body]
    heading = HEADING.search(body)
    if heading is None or first_code(body) < heading.start():
        return "\n\n".join(filter(None, [f"# {title}" if title else "", *parts, body]))
    end = heading.end() if heading.group().startswith("#") is False else body.find("\n", heading.start())
    end = len(body) if end < 0 else end
    return "\n\n".join(filter(None, [body[:end], *parts, body[end:]])) if parts else body


def first_code(text: str) -> int:
    """Where the first code block begins: what looks like a heading in one is a comment."""
    found = re.search(r"^[ \t]*(?:```|~~~)", text, re.MULTILINE)
    return found.start() if found else len(text)


def read(inside: str, toml: bool) -> dict[str, Any]:
    """The fields; where the whole cannot be parsed, as with a template in it, those that stand on one line."""
    try:
        fields = tomllib.loads(inside) if toml else yaml.safe_load(inside[:MOST])
    except (tomllib.TOMLDecodeError, yaml.YAMLError, ValueError, RecursionError):
        fields = dict(re.findall(r"^([\w-]+)[ \t]*[:=][ \t]*[\"']?(.*?)[\"']?[ \t]*$", inside, re.MULTILINE))
    return {str(name).lower(): value for name, value in fields.items()} if isinstance(fields, dict) else {}


def sentence(fields: dict[str, Any]) -> str:
    """ "Last reviewed on: 2024-05-06; Status: draft."; "" where nothing tells the version."""
    told = []
    for name, value in fields.items():
        words = re.sub(r"[-_ ]+|(?<=[a-z])(?=[A-Z])", "_", name)
        if not KEPT.search(words) or value in (None, False, "") or isinstance(value, (list, dict)):
            continue
        said = "yes" if value is True else value.isoformat() if isinstance(value, datetime.date) else str(value)
        if len(said) <= LONGEST and "\n" not in said:
            told.append(f"{words.replace('_', ' ').capitalize()}: {said}")
    return f"{'; '.join(told)}." if told else ""
