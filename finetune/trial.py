"""How good an adapter is on cases: greedy answers in bf16 (fp32 on a CPU without instructions for it), with the adapter merged
as a server without a GPU has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.checks import failed, parse_object, schema_fault
from core.cpu import fast_dtype
from core.domain import Domain
from core.prompts import tuned_messages
from core.types import Case
from finetune.encode import prompt_ids
from finetune.model import load_tokenizer

MAX_NEW_TOKENS = 192
ON_GPU, ON_CPU = 128, 8  # prompts at once

Figures = dict[str, dict[str, float]]


def trial(base: Path, adapter: Path | None, domain: Domain, cases: Sequence[Case], cuda: bool) -> Figures:
    """Figures by task type, over the cases of a domain."""
    tokenizer = load_tokenizer(base)
    prompts = [prompt_ids(tokenizer, tuned_messages(domain, domain.task(case.task), case.query)) for case in cases]
    return figures(domain, cases, answers(load_merged(base, adapter, cuda), tokenizer, prompts))


def load_merged(base: Path, adapter: Path | None, cuda: bool) -> Any:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if cuda else fast_dtype()
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, local_files_only=True)
    model = model.to("cuda" if cuda else "cpu")
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    return model.eval()


def answers(model: Any, tokenizer: Any, prompts: Sequence[list[int]]) -> list[str]:
    """Greedy answers in the order of the prompts; likes with likes in length."""
    import torch

    size = ON_GPU if model.device.type == "cuda" else ON_CPU
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    found: dict[int, str] = {}
    for start in range(0, len(order), size):
        places = order[start : start + size]
        width = max(len(prompts[at]) for at in places)
        gaps = [width - len(prompts[at]) for at in places]
        pairs = list(zip(places, gaps, strict=True))
        ids = torch.tensor([[tokenizer.pad_token_id] * gap + prompts[at] for at, gap in pairs], device=model.device)
        mask = torch.tensor([[0] * gap + [1] * (width - gap) for gap in gaps], device=model.device)
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=MAX_NEW_TOKENS,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        texts = tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
        found.update(zip(places, texts, strict=True))
    return [found[at] for at in range(len(prompts))]


def figures(domain: Domain, cases: Sequence[Case], texts: Sequence[str]) -> Figures:
    """By task type: how many, and the share that is right, as expected, and through the pack's checks. Pure.

    JSON answers have two more: `fields`, the share of equal fields, and `valid`, the share that fits the schema.
    """
    found: Figures = {}
    for name in sorted({case.task for case in cases}):
        pairs = [(case, text) for case, text in zip(cases, texts, strict=True) if case.task == name]
        marks = [mark(domain, case, text) for case, text in pairs]
        shares = {key: round(sum(m[key] for m in marks) / len(marks), 4) for key in marks[0]}
        found[name] = {"n": len(marks), **shares}
    return found


def mark(domain: Domain, case: Case, text: str) -> dict[str, float]:
    task = domain.task(case.task)
    expected = list(met(case, text))
    checked = not failed(task.checks, task.json_schema, case.query, text)
    marks = {"right": float(all(expected) and checked), "expected": float(all(expected)), "checked": float(checked)}
    if "json" in case.expected:
        wanted, given = case.expected["json"], parse_object(text) or {}
        marks["fields"] = sum(given.get(key) == value for key, value in wanted.items()) / len(wanted)
    if task.json_schema:
        marks["valid"] = float(not schema_fault(task.json_schema, text))
    return marks


def met(case: Case, text: str) -> Iterator[bool]:
    """Each part of what the case expects of the text."""
    if "json" in case.expected:
        yield parse_object(text) == case.expected["json"]
    if "exact" in case.expected:
        yield text.strip() == case.expected["exact"]
    for group in case.expected.get("contains", ()):
        yield any(part.lower() in text.lower() for part in group.split("|"))


def overall(found: Figures) -> float:
    """The mean over task types of the share that is right."""
    return round(sum(task["right"] for task in found.values()) / len(found), 4) if found else 0.0
