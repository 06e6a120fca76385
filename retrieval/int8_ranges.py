"""Between which bounds the inputs of MiniLM's matrices lie, channel by channel: `retrieval/minilm_int8.safetensors`, made by

    python -m retrieval.int8_ranges FILE... [--each N]

from texts drawn by seed from JSON lines (all strings of a row) and Markdown, and the odd ones below. Done once for the packaged
weights; the file names their sha256, so that it is never used with others.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.llm.adapters import file_sha256
from core.minilm import headless, minilm_folder
from retrieval.embeddings import tokenizer_of
from retrieval.int8 import MODEL, RANGES
from retrieval.int8_graph import LAYERS

INPUTS = {
    "in": "attention.self.query",
    "out": "attention.output.dense",
    "ff1": "intermediate.dense",
    "ff2": "output.dense",
}
EACH, LONG = 100, 2000
ODD = (
    "?", "a", "GPU", "no", "0", "1,234,567.89 €", "- " * 100, "= " * 60, "x " * 250, "1 " * 250, "the " * 250,
    "def f(x):\n    return {k: v for k, v in x.items() if v is not None}\n" * 4, "SELECT * FROM t WHERE a >= 3 AND b <> 'c';",
    "| a | b |\n|---|---|\n| 1 | 2 |\n" * 10, "https://example.org/a/b?c=d&e=%20f#g", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "Die Betriebszeiten der Rechenknoten werden vierteljährlich überprüft.", "Les données sont conservées pendant dix ans.",
    "数据保留九十天。", "データは九十日間保存されます。", "Журналы хранятся девяносто дней.", "تحفظ السجلات لمدة تسعين يوما.", "😀 👍🏽 → ∑ √ ≤",
    "THIS IS ALL IN CAPITALS AND SHOUTS! " * 8, "5f4dcc3b5aa765d61d8327deb882cf99 " * 8, "!!!???...,,,;;;:::" * 10,
)  # fmt: skip


def texts_of(file: Path, most: int) -> list[str]:
    raw = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        rows = raw.splitlines()
        chosen = random.Random(0).sample(rows, min(most, len(rows)))
        return [text for row in chosen if (text := " ".join(strings(json.loads(row)))[:LONG].strip())]
    return [raw[start : start + LONG] for start in range(0, len(raw), LONG)][:most]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def measured(folder: Path, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Lowest ("0.in.low") and highest value of each channel over all tokens of all texts, float32, shape (channels,)."""
    import torch
    from transformers import AutoModel

    found: dict[str, np.ndarray] = {}

    def see(name: str, _module: Any, given: Any) -> None:
        values = given[0][0].numpy()
        for end, reduce, join in (("low", np.min, np.minimum), ("high", np.max, np.maximum)):
            key = f"{name}.{end}"
            found[key] = join(found[key], reduce(values, axis=0)) if key in found else reduce(values, axis=0)

    model, tokenizer = headless(AutoModel, folder).eval(), tokenizer_of(folder)
    for number in range(LAYERS):
        for kind, module in INPUTS.items():
            part = model.get_submodule(f"encoder.layer.{number}.{module}")
            part.register_forward_pre_hook(partial(see, f"{number}.{kind}"))
    with torch.inference_mode():
        for text in texts:
            model(input_ids=torch.tensor([tokenizer.encode(text).ids]))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(prog="python -m retrieval.int8_ranges")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--each", type=int, default=EACH, help="texts from each file")
    given = parser.parse_args(arguments)
    texts = [*ODD, *(text for file in given.files for text in texts_of(file, given.each))]
    folder = minilm_folder()
    print(f"{len(texts)} texts", file=sys.stderr)
    found = {name: values.astype(np.float16) for name, values in measured(folder, texts).items()}
    save_file(found, RANGES, metadata={"weights": file_sha256(folder / MODEL)})


if __name__ == "__main__":
    main()
