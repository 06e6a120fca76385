"""How well the citation check tells a supported sentence from one that is not.

    python -m benchmarks.citations [--begin F] [--hard F] [--limit N]

BEGIN: human labels of replies of small dialogue models; a floor test, since counting copied words does well on it. Hard:
pairs written by hand, where the words agree and a number, a name, a negation or an opposite does not. Pairs of round 1
were written before the check and used while it was made; those of round 2 were written afterwards and are only measured.
`caught` is the share of unsupported sentences that the check refuses, `false_alarms` the share of supported ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from core.settings import ROOT
from retrieval.citations import Support, check
from retrieval.words import TOKEN

BEGIN = ROOT.parent / "shared" / "data" / "begin" / "begin.jsonl"
HARD = Path(__file__).parent / "data" / "hard_citations.jsonl"
SUPPORTED = "Fully attributable"


def load(file: Path, limit: int | None) -> list[dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()][:limit]


def word_overlap(sentence: str, passage: str) -> float:
    """The baseline: the share of the sentence's words that stand in the passage."""
    mine, its = TOKEN.findall(sentence.lower()), set(TOKEN.findall(passage.lower()))
    return sum(word in its for word in mine) / max(len(mine), 1)


def measured(pairs: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    """Figures for (sentence, passage, supported)."""
    found: list[tuple[Support, bool]] = [(check(sentence, passage), truth) for sentence, passage, truth in pairs]
    truths = [truth for _, truth in found]
    wrong = [not support.ok for support, truth in found if not truth]
    alarms = [not support.ok for support, truth in found if truth]
    overlaps = [word_overlap(sentence, passage) for sentence, passage, _ in pairs]
    both = len(set(truths)) > 1
    return {
        "auc": round(float(roc_auc_score(truths, [support.score for support, _ in found])), 4) if both else None,
        "word_overlap_auc": round(float(roc_auc_score(truths, overlaps)), 4) if both else None,
        "caught": round(sum(wrong) / max(len(wrong), 1), 4),
        "false_alarms": round(sum(alarms) / max(len(alarms), 1), 4),
        "n": len(pairs),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.citations")
    parser.add_argument("--begin", type=Path, default=BEGIN)
    parser.add_argument("--hard", type=Path, default=HARD)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args(arguments)
    results: dict[str, Any] = {}
    if given.begin.is_file():
        rows = load(given.begin, given.limit)
        results["begin"] = measured([(row["response"], row["knowledge"], row["label"] == SUPPORTED) for row in rows])
    else:
        print(f"{given.begin}: no such file; BEGIN is left out", file=sys.stderr)
    hard = load(given.hard, given.limit)
    results["hard"] = measured([(row["sentence"], row["passage"], row["supported"]) for row in hard])
    for number in sorted({row["round"] for row in hard}):
        pairs = [(row["sentence"], row["passage"], row["supported"]) for row in hard if row["round"] == number]
        results["hard"][f"round_{number}"] = measured(pairs)
    print(f"{'':12}{'AUC':>8}{'overlap':>9}{'caught':>8}{'alarms':>8}{'n':>7}")
    shown = {**results, **{name: value for name, value in results["hard"].items() if isinstance(value, dict)}}
    for name, one in shown.items():
        figures = [one["auc"], one["word_overlap_auc"], one["caught"], one["false_alarms"]]
        cells = "".join(f"{'-' if figure is None else f'{figure:.3f}':>8}" for figure in figures)
        print(f"{name:12}{cells}{one['n']:>8}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
