"""A small pack with one own task of each kind and no built-in ones, for tests."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.domain import load_domain
from core.errors import DomainError

YAML = """\
name: {name}
title: {title}
system_prompt: You are the assistant for {title}. Answer briefly and exactly. If you do not know, say so.
refusal: "I don't know: I found nothing in the documents that answers this."
out_of_scope: That is outside what this assistant answers.

tasks:
  - name: lookup
    description: Look up a fact in the documents
    strategies: [rag]
    examples:
      - What are the opening hours?
      - Who approves a purchase?
  - name: rewrite
    description: Rewrite a given text
    strategies: [prompt]
    instruction: Rewrite the given text as asked. Give the new text only.
    examples:
      - 'Make this polite: "Send it now"'
    few_shot:
      - query: 'Make this polite: "Send it now"'
        answer: Could you please send it now?
    checks:
      - max_words: 80
        message: the new text is too long
  - name: out_of_scope
    description: Anything else
    strategies: []
    examples:
      - Who won the match?

first_screen:
  - What are the opening hours?
"""
DOCUMENT = "# Opening hours\n\nThe office is open from 08:00 to 17:00, Monday to Friday.\n"
GOLDEN = [
    {"id": "lookup-1", "task": "lookup", "query": "When is the office open?",
     "expected": {"sources": ["opening-hours.md"], "contains": ["08:00"]}},
    {"id": "scope-1", "task": "out_of_scope", "query": "Tell me a joke", "expected": {"refusal": True}},
]  # fmt: skip
EXAMPLE = {
    "task": "rewrite",
    "messages": [
        {"role": "user", "content": 'Make this polite: "Open the door"'},
        {"role": "assistant", "content": "Could you please open the door?"},
    ],
    "tags": [],
    "origin": "seed",
}


def make_pack(name: str, parent: Path) -> Path:
    """Make `parent/name`. Raises DomainError if the name is malformed or the folder exists."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise DomainError(f"{name!r} is no name for a pack: take small letters, digits and hyphens, such as my-domain")
    folder = parent / name
    if folder.exists():
        raise DomainError(f"{folder} exists already; choose another name")
    (folder / "documents").mkdir(parents=True)
    (folder / "domain.yaml").write_text(YAML.format(name=name, title=name.replace("-", " ").title()), encoding="utf-8")
    (folder / "documents" / "opening-hours.md").write_text(DOCUMENT, encoding="utf-8")
    (folder / "examples.jsonl").write_text(json.dumps(EXAMPLE) + "\n", encoding="utf-8")
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in GOLDEN), encoding="utf-8")
    load_domain(folder)
    return folder
