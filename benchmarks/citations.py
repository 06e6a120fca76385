"""How well the citation check tells a supported sentence from one that is not.

    python -m benchmarks.citations [--begin F] [--hard F] [--limit N]

BEGIN: human labels of replies of small dialogue models; a floor test, since counting copied words does well on it. Hard:
pairs in our own words from 40 domains, where words overlap and the meaning changed. Those for development were tuned on, in
rounds that were each written before they were scored; the held ones were written before the check was measured on them, and
are only scored: `hard` are their figures. Word overlap
is the baseline; on the hard pairs it is worse than chance, since what is unsupported copies most. `caught` is the share of
unsupported sentences that the check refuses, `false_alarms` that of supported ones; `ms` is milliseconds per pair.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from benchmarks.told import tell
from core.settings import ROOT
from retrieval.checker import opened
from retrieval.support import Support, check
from retrieval.words import TOKEN

BEGIN = ROOT.parent / "shared" / "data" / "begin" / "begin.jsonl"
HARD = Path(__file__).parent / "data" / "hard_citations.jsonl"
SUPPORTED = "Fully attributable"
Pair = tuple[str, str, bool]


def load(file: Path, limit: int | None) -> list[dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()][:limit]


def word_overlap(sentence: str, passage: str) -> float:
    """The baseline: the share of the sentence's words that stand in the passage."""
    mine, its = TOKEN.findall(sentence.lower()), set(TOKEN.findall(passage.lower()))
    return sum(word in its for word in mine) / max(len(mine), 1)


def measured(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Figures for (sentence, passage, supported)."""
    began = time.perf_counter()
    found: list[tuple[Support, bool]] = [(check(sentence, passage), truth) for sentence, passage, truth in pairs]
    seconds = time.perf_counter() - began
    truths = [truth for _, truth in found]
    overlaps = [word_overlap(sentence, passage) for sentence, passage, _ in pairs]
    both = len(set(truths)) > 1
    return {
        "auc": round(float(roc_auc_score(truths, [support.score for support, _ in found])), 4) if both else None,
        "word_overlap_auc": round(float(roc_auc_score(truths, overlaps)), 4) if both else None,
        "caught": refused(found, False),
        "false_alarms": refused(found, True),
        "n": len(pairs),
        "ms": round(1000 * seconds / max(len(pairs), 1), 2),
    }


def refused(found: Sequence[tuple[Support, bool]], truth: bool) -> float | None:
    """The share that the check refuses of all that is (not) supported; None where there is none."""
    some = [not support.ok for support, is_true in found if is_true == truth]
    return round(sum(some) / len(some), 4) if some else None


def by_kind(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each kind of pair how many there are and the share refused: `caught` if unsupported, `false_alarms` if supported."""
    kinds: dict[str, dict[str, Any]] = {}
    for supported in (False, True):
        name = "false_alarms" if supported else "caught"
        for kind in sorted({row["kind"] for row in rows if row["supported"] == supported}):
            some = [row for row in rows if row["kind"] == kind and row["supported"] == supported]
            share = sum(not check(row["sentence"], row["passage"]).ok for row in some) / len(some)
            kinds[kind] = {name: round(share, 4), "n": len(some)}
    return kinds


def hard(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The held half's figures, and those of the development half beside them."""
    halves = {name: [row for row in rows if row["half"] == name] for name in ("held", "development")}
    figures = {
        name: {
            **measured([(row["sentence"], row["passage"], row["supported"]) for row in half]),
            "by_kind": by_kind(half),
        }
        for name, half in halves.items()
    }
    return {**figures["held"], "development": figures["development"]}


def show(results: dict[str, Any]) -> None:
    print(f"{'':14}{'AUC':>8}{'overlap':>9}{'caught':>8}{'alarms':>8}{'n':>7}{'ms':>7}")
    halves = {"hard, held": results["hard"], "hard, developed": results["hard"]["development"]}
    for name, one in {**{k: v for k, v in results.items() if k == "begin"}, **halves}.items():
        figures = [one["auc"], one["word_overlap_auc"], one["caught"], one["false_alarms"]]
        cells = "".join(f"{'-' if figure is None else f'{figure:.3f}':>8}" for figure in figures)
        print(f"{name:16}{cells}{one['n']:>7}{one['ms']:>7.1f}")
    print(f"\n{'kind':14}{'held':>18}{'development':>18}   refused of all")
    kinds = dict.fromkeys([*results["hard"]["by_kind"], *results["hard"]["development"]["by_kind"]])
    for kind in kinds:
        cells = [one["by_kind"].get(kind) for one in halves.values()]
        print(f"{kind:14}{''.join(f'{cell(one):>18}' for one in cells)}")


def cell(one: dict[str, Any] | None) -> str:
    if one is None:
        return "-"
    share = one["caught"] if "caught" in one else one["false_alarms"]
    return f"{round(share * one['n'])} of {one['n']}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.citations")
    parser.add_argument("--begin", type=Path, default=BEGIN)
    parser.add_argument("--hard", type=Path, default=HARD)
    parser.add_argument("--limit", type=int, help="so many rows of BEGIN; the hard pairs are few")
    given = parser.parse_args(arguments)
    opened()  # a second that is no pair's
    results: dict[str, Any] = {}
    if given.begin.is_file():
        rows = load(given.begin, given.limit)
        results["begin"] = measured([(row["response"], row["knowledge"], row["label"] == SUPPORTED) for row in rows])
    else:
        print(f"{given.begin}: no such file; BEGIN is left out", file=sys.stderr)
    results["hard"] = hard(load(given.hard, None))
    show(results)
    tell(results)


if __name__ == "__main__":
    main()
