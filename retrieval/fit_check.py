"""Fit the model behind the citation check and ship it in `retrieval/check.json`.

    python -m retrieval.fit_check --begin BEGIN.jsonl [--hard PAIRS.jsonl] [--dry-run]

Learned from: BEGIN's human labels of replies (its training part), and the development half of the hard pairs. The held half
is never read here. Weights keep the signs of `retrieval.support.SIGNS`. Figures are of five folds, each by a model that did
not see it. Prints them as its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.settings import ROOT
from retrieval.disagreement import disagreements
from retrieval.support import BELOW, MODEL, SIGNS, features

if TYPE_CHECKING:
    import numpy as np

BEGIN = ROOT.parent / "shared" / "data" / "begin" / "begin.jsonl"
HARD = ROOT / "benchmarks" / "data" / "hard_citations.jsonl"
# How much the hard pairs count; BEGIN counts the rest.
SHARE = 0.5
RIDGE = 0.002
# Below it a sentence is not shown. Disagreements are refused whatever the score, so that it only has to tell what the passage
# speaks of; higher, and more of the supported paraphrases fall under it than of what is unsupported.
THRESHOLD = 0.2
FOLDS = 5


def begin_pairs(file: Path) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["response"], row["knowledge"], row["label"] == "Fully attributable") for row in rows]


def hard_pairs(file: Path) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["sentence"], row["passage"], row["supported"]) for row in rows if row["half"] == "development"]


@dataclass(frozen=True)
class Table:
    """`x`: features, shape (pairs, features); `y`: labels, (pairs,); `refused`: whether a rule refuses the pair; `passage`."""

    x: np.ndarray
    y: np.ndarray
    refused: np.ndarray
    passage: list[str]


def table(pairs: Sequence[tuple[str, str, bool]]) -> Table:
    import numpy as np

    rows = [features(sentence, passage) for sentence, passage, _ in pairs]
    refused = [bool(disagreements(sentence, passage)) for sentence, passage, _ in pairs]
    x = np.array([[row[name] for name in SIGNS] for row in rows])
    return Table(x, np.array([truth for *_, truth in pairs]), np.array(refused), [passage for _, passage, _ in pairs])


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Logistic regression whose weights keep their signs, in the features' own units."""
    import numpy as np
    from scipy.optimize import minimize

    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / spread

    def loss(b: np.ndarray) -> float:
        total = z @ b[1:] + b[0]
        return float((weight * (np.logaddexp(0, total) - y * total)).sum() / weight.sum() + RIDGE * (b[1:] ** 2).sum())

    bounds = [(None, None), *((0, None) if sign > 0 else (None, 0) for sign in SIGNS.values())]
    found = minimize(loss, np.zeros(x.shape[1] + 1), bounds=bounds, method="L-BFGS-B").x
    slopes = found[1:] / spread
    weights = {name: round(float(slope), 4) for name, slope in zip(SIGNS, slopes, strict=True)}
    return {"intercept": round(float(found[0] - slopes @ mean), 4), **weights}


def scores(weights: dict[str, float], x: np.ndarray) -> np.ndarray:
    import numpy as np

    total = weights["intercept"] + x @ np.array([weights[name] for name in SIGNS])
    return 1 / (1 + np.exp(-np.clip(total, -30, 30)))


def folded(data: Table, weight: np.ndarray) -> np.ndarray:
    """The score of each pair as `check` would give it, by a model that saw no pair of its passage."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    found = np.zeros(len(data.y))
    for seen, unseen in GroupKFold(FOLDS).split(data.x, groups=data.passage):
        found[unseen] = scores(fit(data.x[seen], data.y[seen], weight[seen]), data.x[unseen])
    return np.where(data.refused, np.minimum(found, BELOW * THRESHOLD), found)


def measured(found: np.ndarray, y: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    return {
        "pairs": len(y),
        "auc": round(float(roc_auc_score(y, found)), 4),
        "caught": round(float((found[~y] < THRESHOLD).mean()), 4),
        "false_alarms": round(float((found[y] < THRESHOLD).mean()), 4),
    }


def fitted(hard: Path, begin: Path) -> dict[str, Any]:
    import numpy as np

    pairs = {"hard": hard_pairs(hard), "begin": begin_pairs(begin)}
    data = table([pair for some in pairs.values() for pair in some])
    source = np.repeat(list(pairs), [len(some) for some in pairs.values()])
    weight = np.where(source == "hard", SHARE / len(pairs["hard"]), (1 - SHARE) / len(pairs["begin"]))
    found = folded(data, weight)
    report = {name: measured(found[source == name], data.y[source == name]) for name in pairs}
    return {"measured": report, "threshold": THRESHOLD, "weights": fit(data.x, data.y, weight)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m retrieval.fit_check")
    parser.add_argument("--begin", type=Path, default=BEGIN)
    parser.add_argument("--hard", type=Path, default=HARD)
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    given = parser.parse_args(arguments)
    model = fitted(given.hard, given.begin)
    if not given.dry_run:
        MODEL.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(model["measured"]))


if __name__ == "__main__":
    main()
