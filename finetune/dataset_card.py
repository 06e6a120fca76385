"""The card of a dataset version: a page of Markdown with plots, for whoever decides whether to train on it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finetune.plots import bars

NOBODY, PACK = "(no name)", "(the pack)"
TOP_ACCOUNTS = 12
PAGE = """# Dataset version {version}

{rows} rows and {pairs} preference pairs for the pack `{pack}`, through the prompt template `{template}`. The version is a hash of
what is trained on; the folder is never changed.

| task | rows | of which | query, characters (median, 95%, longest) | answer |
|---|---|---|---|---|
{tasks}

![Rows by task and origin](tasks.svg)

Refusals: {refusals:.1%}. Edge cases: {edge:.1%}.

## What to look at

{warnings}

## What was left out

{dropped}

![Left out, by reason](dropped.svg)

## Where it came from

![Rows by account](authors.svg)

Each row's example, account and origin stand in `rows.jsonl` and `manifest.json`, and so does each example that was left out.

## How long rows are

![Rows by length](lengths.svg)

## Limits it was built with

{limits}
"""


def card(manifest: Mapping[str, Any]) -> str:
    return PAGE.format(
        version=manifest["version"],
        rows=manifest["rows"],
        pairs=manifest["pairs"],
        pack=manifest["pack"],
        template=manifest["template"],
        tasks="\n".join(task_line(manifest, task) for task in manifest["tasks_by_origin"]) or "| none | | | | |",
        refusals=manifest["refusal_share"],
        edge=manifest["edge_share"],
        warnings="\n".join(f"- {plain(line)}" for line in manifest["warnings"]) or "Nothing.",
        dropped=table(manifest["dropped"], "reason", "examples"),
        limits=table(manifest["limits"], "limit", "value"),
    )


def task_line(manifest: Mapping[str, Any], task: str) -> str:
    origins = ", ".join(f"{count} {origin}" for origin, count in manifest["tasks_by_origin"][task].items())
    measures = manifest["lengths"].get(task, {})
    query, answer = (", ".join(map(str, measures.get(part, []))) for part in ("query", "answer"))
    return f"| {plain(task)} | {manifest['tasks'].get(task, 0)} | {origins} | {query} | {answer} |"


def table(values: Mapping[str, Any], name: str, value: str) -> str:
    lines = [f"| {plain(str(key))} | {plain(said(held))} |" for key, held in values.items()]
    return "\n".join([f"| {name} | {value} |", "|---|---|", *lines]) if lines else "Nothing."


def said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def plain(text: str) -> str:
    """Text that came from people, as text: no Markdown, no HTML, no new line."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", " ".join(text.split()))


def plots(manifest: Mapping[str, Any]) -> dict[str, str]:
    """File name -> SVG."""
    one = lambda counts: {label: {"rows": count} for label, count in counts.items()}  # noqa: E731
    authors = sorted(manifest["authors"].items(), key=lambda item: (-item[1], item[0]))
    most = {author or NOBODY: count for author, count in authors[:TOP_ACCOUNTS]}
    seeds = manifest["origins"].get("seed", 0)
    most = ({PACK: seeds} if seeds else {}) | most
    return {
        "tasks.svg": bars("Rows by task and origin", manifest["tasks_by_origin"]),
        "dropped.svg": bars("Left out, by reason", one(manifest["dropped"])),
        "authors.svg": bars("Rows by account", one(most)),
        "lengths.svg": bars("Rows by length of query and answer, in characters", one(manifest["histogram"])),
    }
