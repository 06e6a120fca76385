"""The engines of the local model side by side, with an adapter: seconds, tokens per second, equal answers.

python -m benchmarks.engine [--limit 48] [--tokens 1250] [--written 32] [--rounds 3] [--only NAMES] [--peers]

Peers in one run, round by round in turn: transformers' own `generate` with PEFT unmerged ("eager"), our runtime on
transformers, our runtime on OpenVINO, and with `--peers` those of benchmarks.engine_peers that are installed; each with
the adapter, torch in bf16 where the CPU has it, else in fp32. Every timed prompt begins in a way of its own, so that
nothing read before helps. The best of all rounds counts. `mixed`: half of the streams are written without the adapter.
Answers are greedy, to the development cases of the pack's tuned tasks, one at a time; eager in a batch of 8 is the
yardstick for how much answers differ anyhow. `right` is the share of cases as the pack's checks and expectations
see it, task by task.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.told import tell
from core.cpu import FAST, fast_dtype, threads
from core.domain import load_domain
from core.llm.adapters import read_adapter
from core.llm.base_weights import base_fingerprint, base_folder
from core.prompts import tuned_messages
from core.settings import ROOT, Settings, load_settings
from core.types import Adapter

Messages = list[dict[str, str]]
STREAMS = 8
LONGEST = 192  # tokens of an answer to a case


class Peer(Protocol):
    name: str
    mixes: bool  # whether it takes `bare`

    def answers(self, asked: Sequence[Messages], tokens: int, endless: bool, bare: int = 0) -> list[str]:
        """Greedy answers, written together. `endless` ones go on to their last token, whatever it is. The first `bare`
        of them are written without the adapter."""
        ...


class Eager:
    """transformers' `generate` with PEFT's adapter beside the weights."""

    name = "eager"
    mixes = True

    def __init__(self, base: Path, adapter: Adapter) -> None:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(base, dtype=fast_dtype(), local_files_only=True)
        self._model: Any = PeftModel.from_pretrained(model, adapter.path).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True, padding_side="left")

    def answers(self, asked: Sequence[Messages], tokens: int, endless: bool, bare: int = 0) -> list[str]:
        import torch

        texts = [self._tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m in asked]
        given = self._tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        more: dict[str, Any] = {"max_new_tokens": tokens, "min_new_tokens": tokens if endless else 0}
        if bare:
            more["adapter_names"] = ["__base__"] * bare + ["default"] * (len(asked) - bare)
        with torch.inference_mode():
            out = self._model.generate(**given, **more, do_sample=False, pad_token_id=self._tokenizer.pad_token_id)
        return self._tokenizer.batch_decode(out[:, given["input_ids"].shape[1] :], skip_special_tokens=True)


class Ours:
    """A runtime as the engine thread uses it."""

    mixes = True

    def __init__(self, name: str, runtime: Any, adapter: Adapter) -> None:
        self.name, self._runtime, self._adapter = name, runtime, adapter
        self._stop_ids = set(runtime.stop_ids)

    def answers(self, asked: Sequence[Messages], tokens: int, endless: bool, bare: int = 0) -> list[str]:
        from core.llm.messages import Options

        self._runtime.stop_ids.clear()
        self._runtime.stop_ids.update(set() if endless else self._stop_ids)
        texts: list[list[str]] = [[] for _ in asked]
        pairs = []
        for at, (messages, text) in enumerate(zip(asked, texts, strict=True)):
            adapter = self._adapter if at >= bare else None
            pairs.append((self._runtime.row((messages, Options(max_new_tokens=tokens), text.append), adapter), adapter))
        self._runtime.run(pairs)
        return ["".join(text) for text in texts]


def peers(base: Path, adapter: Adapter, place: Path, asked: argparse.Namespace) -> list[Peer]:
    """Opened in their order, eager first; only those that are asked for."""
    from core.llm.local.converted import Order
    from core.llm.local.paged_runtime import open_runtime

    order = Order(base, base_fingerprint(base), place)

    def ours(name: str) -> Peer:
        return Ours(name, open_runtime(name, order, "cpu", "none", FAST), adapter)

    ways: dict[str, Callable[[], Peer]] = {
        "eager": lambda: Eager(base, adapter),
        "transformers": lambda: ours("transformers"),
        "openvino": lambda: ours("openvino"),
    }
    if asked.peers:
        from benchmarks.engine_peers import installed

        ways |= installed(base, adapter, place, threads(), asked.gguf or gguf(load_settings()), say)
    made: list[Peer] = []
    for name in asked.only or ways:
        try:
            made.append(ways[name]())
        except (RuntimeError, ImportError, OSError, KeyError) as error:
            say(f"{name} is left out: {error}")
    return made


def gguf(settings: Settings) -> Path | None:
    """The file that the base was converted from, if it is still on this machine."""
    from core.llm.catalogue import catalogue
    from core.llm.sources import found_here

    base = catalogue().get(settings.base_model)
    weights = found_here(base, settings, say)[0] if base else None
    return weights.file if weights else None


def prompts(documents: Path, tokens: int, count: int, tag: str) -> list[Messages]:
    """Questions about passages, of about `tokens` tokens (four characters each); each begins in a way of its own."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(documents.glob("*.md")))
    size = 4 * tokens
    made = []
    for at in range(count):
        body = text[(at * size) % max(1, len(text) - size) :][:size]
        begin = f"Round {tag}, reader {at}. You answer from the passages."
        question = f"Passages:\n\n{body}\n\nQuestion: What does the text say about ranks?"
        made.append([{"role": "system", "content": begin}, {"role": "user", "content": question}])
    return made


def measure(peer: Peer, documents: Path, tokens: int, written: int, tag: str) -> dict[str, float]:
    """One round of one peer, in seconds: by the clock, and by the processor, which others on the machine change less."""
    one, other = prompts(documents, tokens, 2, tag)
    many = prompts(documents, 96, STREAMS, tag)
    read, _ = timed(lambda: peer.answers([one], 1, True))
    answer, answer_cpu = timed(lambda: peer.answers([other], written, True))
    streams, streams_cpu = timed(lambda: peer.answers(many, 2 * written, True))
    mixed = prompts(documents, 96, STREAMS, f"{tag}, mixed")
    half = {"mixed_s": timed(lambda: peer.answers(mixed, 2 * written, True, STREAMS // 2))[0]} if peer.mixes else {}
    return {
        "prefill_s": read,
        "answer_s": answer,
        "answer_cpu_s": answer_cpu,
        "streams_s": streams,
        "streams_cpu_s": streams_cpu,
        **half,
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - busy


def speeds(made: Sequence[Peer], documents: Path, asked: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The best of rounds in turn, since whatever else runs only adds; `_times`: how many times better than eager."""
    rounds: list[dict[str, dict[str, float]]] = []
    for at in range(asked.rounds + 1):
        rounds.append({p.name: measure(p, documents, asked.tokens, asked.written, f"{at}{p.name}") for p in made})
        for name, figures in rounds[-1].items():
            say(f"round {at} load {os.getloadavg()[0]:.1f} {name:14} {shown(figures)}")
    best = {p.name: {key: min(r[p.name][key] for r in rounds[1:]) for key in rounds[0][p.name]} for p in made}
    return {name: figures | derived(figures, best.get("eager", {}), asked.written) for name, figures in best.items()}


COLUMNS = {
    "prefill_s": "read, s",
    "answer_s": "answer, s",
    "answer_s_times": "times eager",
    "decode_tokens_per_s": "tokens/s",
    "streams_tokens_per_s": f"{STREAMS} streams",
    "streams_s_times": "times eager",
    "mixed_tokens_per_s": "mixed",
    "same": "same",
}


def table(found: dict[str, dict[str, Any]]) -> str:
    """One line per peer: reading, a whole answer, writing alone and in streams, and the share of answers to the letter."""
    right = sorted({key for row in found.values() for key in row if key.startswith("right_")})
    columns = {**COLUMNS, **{key: key.replace("_", " ") for key in right}}
    columns = {key: title for key, title in columns.items() if any(key in row for row in found.values())}
    lines = [f"{'':14}" + "".join(f"{title:>15}" for title in columns.values())]
    for name, row in found.items():
        lines.append(f"{name:14}" + "".join(f"{row[key]:15.2f}" if key in row else f"{'':15}" for key in columns))
    return "\n".join(lines)


def derived(own: Mapping[str, float], eager: Mapping[str, float], written: int) -> dict[str, float]:
    writing = own["answer_s"] - own["prefill_s"]  # of two prompts: where little is written, noise may make it nothing
    return {
        **({"decode_tokens_per_s": (written - 1) / writing} if writing > 0 else {}),
        "streams_tokens_per_s": STREAMS * 2 * written / own["streams_s"],
        **({"mixed_tokens_per_s": STREAMS * 2 * written / own["mixed_s"]} if "mixed_s" in own else {}),
        **{f"{key}_times": eager[key] / own[key] for key in own if key in eager},
    }


def likeness(made: Sequence[Peer], domain: Any, limit: int) -> dict[str, dict[str, Any]]:
    """Of each peer: the share of answers that are the first one's (eager's) to the letter, and that is right, by task."""
    from finetune.trial import figures

    cases = [case for case in domain.development() if "tuned" in domain.task(case.task).strategies]
    cases = cases[:: max(1, len(cases) // limit)][:limit]
    asked = [
        [{"role": m.role, "content": m.content} for m in tuned_messages(domain, domain.task(case.task), case.query)]
        for case in cases
    ]
    found: dict[str, dict[str, Any]] = {}
    alone: list[str] = []
    for peer in made:
        given = [peer.answers([messages], LONGEST, False)[0] for messages in asked]
        alone = alone or given
        found[peer.name] = graded(given, alone, figures(domain, cases, given))
        say(f"{peer.name:14} {found[peer.name]}")
    batched = [
        text
        for at in range(0, len(asked), STREAMS)
        for text in made[0].answers(asked[at : at + STREAMS], LONGEST, False)
    ]
    found[f"{made[0].name}_batch"] = graded(batched, alone, figures(domain, cases, batched))
    return found


def graded(given: Sequence[str], alone: Sequence[str], by_task: dict[str, dict[str, float]]) -> dict[str, Any]:
    same = sum(one == other for one, other in zip(given, alone, strict=True)) / len(given)
    return {"cases": len(given), "same": same, **{f"right_{task}": row["right"] for task, row in by_task.items()}}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def shown(figures: dict[str, Any]) -> str:
    return "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--limit", type=int, default=48, help="development cases answered; 0: only the times")
    parser.add_argument("--tokens", type=int, default=1250, help="of the prompt that is read")
    parser.add_argument("--written", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="after one to warm up; 0: only the answers")
    parser.add_argument("--domain", type=Path, default=ROOT / "domains" / "ml-desk")
    parser.add_argument("--adapter", type=Path, default=ROOT / "adapters" / "ml-desk")
    parser.add_argument("--peers", action="store_true", help="also those of benchmarks.engine_peers that are installed")
    parser.add_argument("--only", type=lambda names: names.split(","), help="names with commas between, eager first")
    parser.add_argument("--base", type=Path, help="folder of the base model; default: the one of the settings")
    parser.add_argument("--gguf", type=Path, help="the same base as GGUF, for xllamacpp")
    parser.add_argument("--place", type=Path, help="where what is converted for OpenVINO is kept; default: nowhere")
    asked = parser.parse_args(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the service sets it, before torch is imported
    domain = load_domain(asked.domain)
    base = asked.base or base_folder(load_settings())
    with tempfile.TemporaryDirectory() as nowhere:
        made = peers(base, read_adapter(asked.adapter), asked.place or Path(nowhere), asked)
        found: dict[str, dict[str, Any]] = {
            name: {k: round(v, 3) for k, v in row.items()}
            for name, row in (speeds(made, asked.domain / "documents", asked) if asked.rounds else {}).items()
        }
        for name, row in (likeness(made, domain, asked.limit) if asked.limit else {}).items():
            found.setdefault(name, {}).update(row)
    print(table(found))
    asked_for = {"tokens": asked.tokens, "written": asked.written, "streams": STREAMS, "rounds": asked.rounds}
    tell({"load": os.getloadavg()[0], "threads": threads(), **asked_for, **found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
