"""The base made ready for the fast engine: once, kept in the data folder, tested at each start.

A folder holds the graph with its weights and a mark that says what transformers makes of a few tokens. What the compiled
model makes of them has to be near that, or transformers answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.children import die_with
from core.cpu import abilities
from core.llm.local.blocks import Blocks
from core.llm.local.paged import Compiled, Piece, drop_pages
from core.llm.sources import file_sha256
from core.settings import ROOT

log = logging.getLogger(__name__)

CONVERSION = 3  # raise it when the graph changes, so that old folders are not taken for new ones
MARK, GRAPH, WEIGHTS = "trivium.json", "model.xml", "model.bin"
PREFIX = "openvino-"
KEPT = 2  # folders: of the base that serves, and of the one before
MAX_BYTES = 3 << 30  # of the base's weights; beyond it a conversion would take more memory than it is worth
CHILD_SECONDS = 600
TEXT = "Name three colours, and say for each of them in one sentence what it reminds you of. Then count to nine."
NEAR = 0.35  # mean difference of log-probabilities: eight bits make under 0.1, a wrong graph makes several
NEAR_EXACT = 1e-3


class Unfit(Exception):
    """This model or this machine is not for the fast engine."""


@dataclass(frozen=True)
class Order:
    """What is to be converted, and where to. `exact` is for tests: float32 throughout."""

    base: Path
    fingerprint: str
    place: Path
    exact: bool = False

    @property
    def folder(self) -> Path:
        """Named by content and machine: another base, version or processor has another."""
        kind = f"v{CONVERSION}{'x' if self.exact else ''}"
        return self.place / f"{PREFIX}{self.fingerprint[:12]}-{kind}-{machine()[:8]}"


@cache
def machine() -> str:
    """A hash of the processor's abilities and OpenVINO's version. Raises Unfit where the package is missing."""
    try:
        installed = version("openvino")
    except PackageNotFoundError as error:
        raise Unfit("the package openvino is not installed") from error
    return hashlib.sha256(f"{installed} {platform.machine()} {abilities()}".encode()).hexdigest()


def opened(order: Order, context: int) -> Compiled:
    """The compiled model, converted first if need be, and tested.

    It is converted in a process of its own: an instruction that is missing ends that one, and what transformers takes for the
    comparison, four bytes a number, is given back with it.

    Raises:
        Unfit: this model or this machine cannot be served that way; the message says why.
    """
    folder = order.folder
    for fresh in (False, True):
        if not intact(folder):
            _make(order)
        try:
            compiled = _compiled(folder / GRAPH, context, order.exact)
            check(compiled, json.loads((folder / MARK).read_text(encoding="utf-8")), order.exact)
        except (Unfit, OSError, ValueError, KeyError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            if fresh:
                raise Unfit(f"the converted model failed its test: {error}") from error
            continue
        _prune(order.place, folder)
        drop_pages(folder / WEIGHTS)
        return compiled
    raise AssertionError("the second pass returns or raises")


def _make(order: Order) -> None:
    shutil.rmtree(order.folder, ignore_errors=True)
    log.info("Converting the base model for the fast engine; this happens once and takes about half a minute")
    try:
        convert_apart(order)
    except (OSError, RuntimeError, ImportError) as error:
        raise Unfit(f"it cannot be converted: {error}") from error


def _compiled(graph: Path, context: int, exact: bool) -> Compiled:
    try:
        return Compiled(graph, context, exact)
    except (RuntimeError, ImportError) as error:
        raise Unfit(f"OpenVINO cannot load it: {error}") from error


def intact(folder: Path) -> bool:
    """Whether graph and weights are those that the mark describes."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return all(file_sha256(folder / name) == mark["sha256"][name] for name in (GRAPH, WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check(compiled: Compiled, mark: dict[str, Any], exact: bool) -> None:
    """Compare with what transformers found likeliest after each token of a text, and how likely. Raises Unfit.

    The text is read in three pieces, so that keys and values that were kept are tested too.
    """
    import torch

    text, tokens = mark["text"], torch.tensor(mark["likeliest"])
    held = Blocks(compiled.count).take(text, 0)
    assert held is not None  # nobody else holds any
    found = []
    for part in (text[:40], text[40:-1], text[-1:]):
        try:
            found.append(compiled.all_scores(Piece(part, held)))
        except RuntimeError as error:
            raise Unfit(f"OpenVINO cannot run it: {error}") from error
        held.read += len(part)
    got = torch.cat(found).log_softmax(-1).gather(1, tokens.unsqueeze(1)).squeeze(1)
    off = (got - torch.tensor(mark["logprobs"])).abs().mean().item()
    if not off <= (NEAR_EXACT if exact else NEAR):  # what is not a number is not near
        raise Unfit(f"its log-probabilities are {off:.2f} from those of transformers")
    log.debug("Log-probabilities are %.4f from those of transformers", off)


def convert_apart(order: Order) -> None:
    """`convert` in a child process. Raises Unfit, also where the child was killed."""
    asked = json.dumps(order.__dict__, default=str)
    command = [sys.executable, "-m", "core.llm.local.converted", str(os.getpid()), asked]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unfit(f"its conversion took over {CHILD_SECONDS} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise Unfit(f"its conversion ended with {done.returncode}: {lines[-1]}")


def convert(order: Order) -> None:
    """Write beside the goal, then rename: a kill in the middle leaves a folder that is never looked at. Raises Unfit."""
    from core.llm.local.graph import graph_of, llama_of, openvino

    order.place.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".converting-", dir=order.place))
    try:
        model = loaded(order)
        llama = llama_of(model)
        if llama is None:
            raise Unfit("its structure is neither Llama's nor Qwen2's")
        weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
        mark = expectation(model, order.base)
        openvino().save_model(graph_of(llama, weights, order.exact), building / GRAPH, compress_to_fp16=False)
        del model, weights
        mark["sha256"] = {name: file_sha256(building / name) for name in (GRAPH, WEIGHTS)}
        (building / MARK).write_text(json.dumps(mark), encoding="utf-8")
        check(_compiled(building / GRAPH, len(mark["text"]), order.exact), mark, order.exact)
        building.chmod(0o755)
        try:
            building.rename(order.folder)
        except OSError:
            if not intact(order.folder):  # otherwise another process was first, and its folder is as good
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def loaded(order: Order) -> Any:
    """The model in float32. Raises Unfit."""
    import torch
    from transformers import AutoModelForCausalLM

    size = sum(path.stat().st_size for path in order.base.glob("*.safetensors"))
    if size > MAX_BYTES:
        raise Unfit(f"its weights have {size >> 20} MB, more than {MAX_BYTES >> 20}")
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            order.base, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise Unfit(f"transformers cannot load it: {error}") from error
    return model.eval()


def expectation(model: Any, base: Path) -> dict[str, Any]:
    """What transformers finds likeliest after each token of a text, and its log-probability there."""
    import torch
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
    asked = [{"role": "system", "content": TEXT}, {"role": "user", "content": TEXT}]
    rendered = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    text = tokenizer.encode(rendered, add_special_tokens=False)
    with torch.inference_mode():
        logprobs, tokens = model(torch.tensor([text])).logits[0].log_softmax(-1).max(-1)
    return {"text": text, "likeliest": tokens.tolist(), "logprobs": logprobs.tolist()}


def _prune(place: Path, used: Path) -> None:
    """Remove the folders that were not used for longest, and what a killed conversion left."""
    from core.llm.base_weights import remove_stale

    with contextlib.suppress(OSError):  # a folder that can only be read serves as well
        os.utime(used)
    remove_stale(place)
    made = sorted(place.glob(f"{PREFIX}*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in made[KEPT:]:
        if folder != used:
            shutil.rmtree(folder, ignore_errors=True)


def _main(parent: str, asked: str) -> int:
    die_with(int(parent))
    given = json.loads(asked)
    order = Order(Path(given["base"]), given["fingerprint"], Path(given["place"]), given["exact"])
    try:
        convert(order)
    except Unfit as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
