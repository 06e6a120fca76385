"""Fit the model behind the citation check and ship it in `retrieval/check.json`.

    python -m retrieval.fit_check --begin BEGIN.jsonl [--hard PAIRS.jsonl] [--dry-run]

Learned from: BEGIN's human labels of replies (its training part), and the development half of the hard pairs. The held half
is never read here. Weights keep the signs of `retrieval.support.SIGNS`. Fitted twice: with what the cross-encoder of
`retrieval.checker` says, and without, for where it cannot be opened. Figures are of five folds, each by a model that did not
see it; the cross-encoder learned from none of these pairs. Prints them as its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.minilm import minilm_folder
from core.settings import ROOT
from retrieval.checker import ADAPTER, Checker, part_to_read
from retrieval.disagreement import disagreements
from retrieval.support import BELOW, MODEL, READS, SIGNS, features

if TYPE_CHECKING:
    import numpy as np

BEGIN = ROOT.parent / "shared" / "data" / "begin" / "begin.jsonl"
HARD = ROOT / "benchmarks" / "data" / "hard_citations.jsonl"
# How much the hard pairs count; BEGIN counts the rest.
SHARE = 0.5
RIDGE = 0.002
# Below it a sentence is not shown. Disagreements are refused whatever the score, so that it only has to tell what the passage
# speaks of; higher, and more of the supported paraphrases fall under it than of what is unsupported.
THRESHOLD = 0.18
FOLDS = 5


def begin_pairs(file: Path) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["response"], row["knowledge"], row["label"] == "Fully attributable") for row in rows]


def hard_pairs(file: Path) -> list[tuple[str, str, bool]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["sentence"], row["passage"], row["supported"]) for row in rows if row["half"] == "development"]


@dataclass(frozen=True)
class Table:
    """`names`: of the features; `x`: features, shape (pairs, features); `y`: labels, (pairs,); `refused`: whether a rule refuses
    the pair; `passage`."""

    names: list[str]
    x: np.ndarray
    y: np.ndarray
    refused: np.ndarray
    passage: list[str]

    def without(self, name: str) -> Table:
        import numpy as np

        at = self.names.index(name)
        return replace(self, names=[*self.names[:at], *self.names[at + 1 :]], x=np.delete(self.x, at, axis=1))


def table(pairs: Sequence[tuple[str, str, bool]], adapter: Path = ADAPTER) -> Table:
    import numpy as np

    logits = Checker(minilm_folder(), adapter).logits([(one, part_to_read(one, passage)) for one, passage, _ in pairs])
    rows = [features(*pair[:2], logit) for pair, logit in zip(pairs, logits, strict=True)]
    refused = [bool(disagreements(sentence, passage)) for sentence, passage, _ in pairs]
    x = np.array([[row[name] for name in SIGNS] for row in rows])
    truths = np.array([truth for *_, truth in pairs])
    return Table(list(SIGNS), x, truths, np.array(refused), [passage for _, passage, _ in pairs])


def fit(names: Sequence[str], x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Logistic regression whose weights keep their signs, in the features' own units."""
    import numpy as np
    from scipy.optimize import minimize

    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / spread

    def loss(b: np.ndarray) -> float:
        total = z @ b[1:] + b[0]
        return float((weight * (np.logaddexp(0, total) - y * total)).sum() / weight.sum() + RIDGE * (b[1:] ** 2).sum())

    bounds = [(None, None), *((0, None) if SIGNS[name] > 0 else (None, 0) for name in names)]
    found = minimize(loss, np.zeros(x.shape[1] + 1), bounds=bounds, method="L-BFGS-B").x
    slopes = found[1:] / spread
    weights = {name: round(float(slope), 4) for name, slope in zip(names, slopes, strict=True)}
    return {"intercept": round(float(found[0] - slopes @ mean), 4), **weights}


def scores(names: Sequence[str], weights: dict[str, float], x: np.ndarray) -> np.ndarray:
    import numpy as np

    total = weights["intercept"] + x @ np.array([weights[name] for name in names])
    return 1 / (1 + np.exp(-np.clip(total, -30, 30)))


def folded(data: Table, weight: np.ndarray) -> np.ndarray:
    """The score of each pair as `check` would give it, by a model that saw no pair of its passage."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    found = np.zeros(len(data.y))
    for seen, unseen in GroupKFold(FOLDS).split(data.x, groups=data.passage):
        weights = fit(data.names, data.x[seen], data.y[seen], weight[seen])
        found[unseen] = scores(data.names, weights, data.x[unseen])
    return np.where(data.refused, np.minimum(found, BELOW * THRESHOLD), found)


def measured(found: np.ndarray, y: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    return {
        "pairs": len(y),
        "auc": round(float(roc_auc_score(y, found)), 4),
        "caught": round(float((found[~y] < THRESHOLD).mean()), 4),
        "false_alarms": round(float((found[y] < THRESHOLD).mean()), 4),
    }


def fitted(hard: Path, begin: Path, adapter: Path = ADAPTER) -> dict[str, Any]:
    import numpy as np

    pairs = {"hard": hard_pairs(hard), "begin": begin_pairs(begin)}
    data = table([pair for some in pairs.values() for pair in some], adapter)
    source = np.repeat(list(pairs), [len(some) for some in pairs.values()])
    return {**model_of(data, source), "without": model_of(data.without(READS), source)}


def model_of(data: Table, source: np.ndarray) -> dict[str, Any]:
    """`source`: where each pair is from, "hard" or "begin", (pairs,)."""
    import numpy as np

    hard = source == "hard"
    weight = np.where(hard, SHARE / hard.sum(), (1 - SHARE) / (~hard).sum())
    found = folded(data, weight)
    report = {name: measured(found[source == name], data.y[source == name]) for name in ("hard", "begin")}
    return {"measured": report, "threshold": THRESHOLD, "weights": fit(data.names, data.x, data.y, weight)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m retrieval.fit_check")
    parser.add_argument("--begin", type=Path, default=BEGIN)
    parser.add_argument("--hard", type=Path, default=HARD)
    parser.add_argument("--checker", type=Path, default=ADAPTER, help="folder of the cross-encoder's adapter")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    given = parser.parse_args(arguments)
    model = fitted(given.hard, given.begin, given.checker)
    if not given.dry_run:
        MODEL.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({**model["measured"], "without": model["without"]["measured"]}))


if __name__ == "__main__":
    main()
