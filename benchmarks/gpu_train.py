"""QLoRA on a GPU as the product trains and serves it: what must not matter does not, and what it costs.

python -m benchmarks.gpu_train [--limit 256] [--swaps 200] [--cpu] [--out benchmarks/results/gpu_train.json]

Three runs on the same rows: as it is, once more (the control), and with an evaluation pass in the middle; their weights are
compared. Then two adapters and the base are asked by eight streams while what is live is swapped: each answer is read again,
alone, under each of them, and has to be its own model's by its log-probabilities.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.told import tell
from core.domain import Domain, load_domain
from core.settings import ROOT, load_settings
from core.types import Adapter, Message

if TYPE_CHECKING:
    from core.llm.local import Engine
    from finetune.dataset import Dataset
    from finetune.model import Device
    from finetune.recipe import Recipe

STREAMS, TOKENS = 8, 48
TOLERANCE = (
    0.5  # nats that a token may lie below the best one: bf16 has 8 bits, and a batch rounds otherwise than one row
)
RESULTS = ROOT / "benchmarks" / "results" / "gpu_train.json"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_train", description=__doc__)
    parser.add_argument("--limit", type=int, default=256, help="rows to train on")
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--pack", type=Path, default=ROOT / "domains" / "ml-desk")
    parser.add_argument("--base", type=Path, help="folder of the base model; default: the one of the settings")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--cpu", action="store_true", help="try the script where there is no GPU")
    parser.add_argument("--commit", default="")
    asked = parser.parse_args(argv)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # sums in one order: runs can be compared bit by bit
    from core.llm.base_weights import base_folder

    device: Device = "cpu" if asked.cpu else "cuda"
    base = asked.base or base_folder(load_settings())
    with tempfile.TemporaryDirectory() as work:
        figures: dict[str, Any] = {"hardware": hardware(device), "commit": asked.commit or commit()}
        trained, adapter = train_thrice(base, load_domain(asked.pack), device, Path(work), asked.limit, asked.epochs)
        figures |= trained
        figures["swaps"] = swap(base, load_domain(asked.pack), adapter, device, asked.swaps)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(figures, indent=1) + "\n")
    show(figures)
    tell(figures)
    return 0


def hardware(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def commit() -> str:
    from finetune.card import commit as of_checkout

    return of_checkout()


def train_thrice(
    base: Path, domain: Domain, device: Device, work: Path, limit: int, epochs: float
) -> tuple[dict[str, Any], Adapter]:
    import torch

    from finetune.dataset import build
    from finetune.recipe import load_recipe
    from finetune.train import Ways

    torch.use_deterministic_algorithms(True, warn_only=True)
    recipe = load_recipe(ROOT / "finetune" / "recipes" / "ml-desk.yaml").changed(epochs=epochs)
    dataset = build(domain, domain.examples(), recipe.seed, held_out=[*domain.golden(), *domain.development()])
    dataset = dataset.model_copy(update={"rows": dataset.rows[:limit]})
    plain = Ways(device=device)
    measured = replace(plain, evaluate=dataset.rows[:32], evaluate_every=3)
    runs = {
        name: one_run(base, domain, recipe, dataset, work / name, ways)
        for name, ways in (("plain", plain), ("control", plain), ("evaluated", measured))
    }
    adapters = {name: adapter for name, (adapter, _) in runs.items()}
    first = runs["plain"][1]
    return {
        "rows": len(dataset.rows), "steps": first["steps"], "seconds": first["seconds"],
        "tokens_per_second": first["tokens_per_second"], "peak_gb": first["peak_gb"],
        "estimated_gb": estimate(base, recipe, dataset, device == "cuda"),
        "evaluated": compared(adapters["plain"], adapters["evaluated"]),
        "control": compared(adapters["plain"], adapters["control"]),
        "loss": adapters["plain"].card["loss"]["last"], "proof": adapters["plain"].card["proof"],
    }, adapters["plain"]  # fmt: skip


def one_run(
    base: Path, domain: Domain, recipe: Recipe, dataset: Dataset, out: Path, ways: Any
) -> tuple[Adapter, dict[str, float]]:
    import torch

    from finetune.train import train_on

    seen: list[Any] = []
    log(f"{out.name}: {len(dataset.rows)} rows")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    adapter = train_on(base, domain, recipe, dataset, out, lambda step, *_: seen.append(step), ways)
    seconds = time.perf_counter() - began
    peak = torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0
    last = seen[-1]
    speed = round(getattr(last, "tokens_per_second", 0.0) or 0.0)
    log(f"  {last.step} steps, {seconds:.0f} s with its checks, {speed} tokens/s, peak {peak:.1f} GB")
    return adapter, {
        "steps": last.step,
        "seconds": round(seconds, 1),
        "tokens_per_second": speed,
        "peak_gb": round(peak, 2),
    }


def estimate(base: Path, recipe: Recipe, dataset: Dataset, cuda: bool) -> float:
    from finetune import memory
    from finetune.encode import encode_all
    from finetune.model import load_tokenizer

    rows, _ = encode_all(load_tokenizer(base), dataset.rows, recipe.max_length)
    longest = max(len(row["input_ids"]) for row in rows)
    together = min(recipe.batch_size, len(rows))
    return round(memory.needed(memory.size_of(base), recipe, cuda, together, longest) / 1e9, 2)


def compared(one: Adapter, other: Adapter) -> dict[str, Any]:
    """Whether the weights are the same, bit by bit, and if not by how much at most."""
    from safetensors.torch import load_file

    left, right = (load_file(Path(a.path) / "adapter_model.safetensors") for a in (one, other))
    most = max(float((left[name].float() - right[name].float()).abs().max()) for name in left)
    return {"same": one.sha256 == other.sha256, "most": most}


def swap(base: Path, domain: Domain, trained: Adapter, device: str, swaps: int) -> dict[str, Any]:
    """Eight streams, each asking what is live at that moment, while that changes `swaps` times."""
    import torch

    from core.llm.adapters import read_adapter
    from core.llm.local import Engine
    from core.prompts import tuned_messages

    shipped = read_adapter(ROOT / "adapters" / "ml-desk")
    choices: list[Adapter | None] = [shipped, trained, None]
    fingerprint = shipped.base_fingerprint
    engine = Engine(lambda: (base, fingerprint), device, "nf4" if device == "cuda" else "none")
    engine.load()
    asked = [tuned_messages(domain, domain.task(case.task), case.query) for case in domain.development()[:: 840 // 12]]
    torch.use_deterministic_algorithms(False)  # serving does not ask for it
    for chosen in choices:  # loading an adapter for the first time is not a swap
        say(engine, chosen, asked[0])
    live, over = [0], threading.Event()
    answered: list[tuple[int, int, str, int]] = []
    faults: list[str] = []

    def stream(number: int) -> None:
        turn = number
        while not over.is_set():
            which, prompt = live[0], turn % len(asked)
            turn += 1
            try:
                answered.append((which, prompt, *say(engine, choices[which], asked[prompt])))
            except Exception as error:  # noqa: BLE001 - whatever it is, an answer was lost
                faults.append(repr(error))

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(STREAMS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for number in range(swaps):
        live[0] = number % len(choices)
        time.sleep(0.1)
    over.set()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    log(f"{len(answered)} answers in {seconds:.0f} s; reading them again, alone")
    read = Reader(engine, choices, asked)
    judged = [(one, *read.judge(*one[:3])) for one in answered if read.as_written(*one)]
    engine.close()
    strange = [
        {"model": one[0], "text": one[2], "own": own, "other": other} for one, own, other in judged if own > TOLERANCE
    ]
    return {
        "swaps": swaps, "answers": len(answered), "lost": len(faults), "faults": faults[:3], "seconds": round(seconds, 1),
        "read": len(judged), "its_own": len(judged) - len(strange), "strange": strange[:5],
        "most_below_best": round(max((own for _, own, _ in judged), default=0.0), 3), "tolerance": TOLERANCE,
        "another_model_as_well": sum(other <= TOLERANCE for _, _, other in judged),
    }  # fmt: skip


def say(engine: Engine, adapter: Adapter | None, messages: Sequence[Message]) -> tuple[str, int]:
    """An answer and the number of its tokens."""
    from core.llm.local.engine import Written
    from core.llm.messages import Options

    turns = [message.model_dump() for message in messages]
    pieces = list(engine.stream(turns, Options(max_new_tokens=TOKENS), adapter))
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    return text, sum(piece.tokens for piece in pieces if isinstance(piece, Written))


class Reader:
    """Reads an answer again, whole and alone, and says how far below the best token its worst one lies, by model."""

    def __init__(self, engine: Engine, choices: list[Adapter | None], asked: list[Any]) -> None:
        self.engine, self.choices, self.asked = engine, choices, asked
        self.known: dict[tuple[int, int, str], float] = {}

    def as_written(self, which: int, prompt: int, text: str, tokens: int) -> bool:
        """Whether the text is split into the tokens that it was written in, which not every text is."""
        runtime = self.engine._do(self.engine._ready)
        return bool(text) and len(runtime.tokenizer.encode(text, add_special_tokens=False)) == tokens

    def judge(self, which: int, prompt: int, text: str) -> tuple[float, float]:
        """(under its own model, under the best of the others), in nats."""
        below = [self.below(number, prompt, text) for number in range(len(self.choices))]
        return below[which], min(below[:which] + below[which + 1 :])

    def below(self, which: int, prompt: int, text: str) -> float:
        key = (which, prompt, text)
        if key not in self.known:
            self.known[key] = self.engine._do(lambda: self._below(*key))
        return self.known[key]

    def _below(self, which: int, prompt: int, text: str) -> float:
        runtime: Any = self.engine._ready()
        turns = [{"role": m.role, "content": m.content} for m in self.asked[prompt]]
        shown = runtime.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        start = runtime.tokenizer.encode(shown, add_special_tokens=False)
        answer = runtime.tokenizer.encode(text, add_special_tokens=False)
        scores = runtime.scores([*start, *answer], self.choices[which])[len(start) - 1 : -1]
        chosen = scores.gather(1, scores.new_tensor(answer).long().unsqueeze(1)).squeeze(1)
        return float((scores.max(-1).values - chosen).max())


def show(figures: dict[str, Any]) -> None:
    log(
        f"{figures['hardware']}: {figures['rows']} rows, {figures['steps']} steps, {figures['tokens_per_second']} tokens/s"
    )
    log(f"  memory: {figures['peak_gb']} GB at the peak, {figures['estimated_gb']} GB estimated")
    for name in ("control", "evaluated"):
        same, most = figures[name]["same"], figures[name]["most"]
        log(f"  {name:9} weights: {'the same' if same else f'differ by {most:.2e} at most'}")
    swaps = figures["swaps"]
    log(f"  {swaps['swaps']} swaps under {STREAMS} streams: {swaps['answers']} answers, {swaps['lost']} lost")
    log(
        f"  {swaps['its_own']} of {swaps['read']} within {TOLERANCE} nats of their own model's choice; worst {swaps['most_below_best']}"
    )


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
