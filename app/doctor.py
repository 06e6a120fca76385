"""`trivium doctor`: which model, device, data folder and versions; what is wrong and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console

from app.main import running_api
from app.taught import route_labels
from core.cpu import abilities
from core.domain import Domain, load_domain
from core.errors import TriviumError
from core.measured import load_measured
from core.settings import Settings, load_settings

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "langchain-core",
    "chromadb",
    "dbos",
    "fastapi",
    "streamlit",
    "trl",
)
FREE_BYTES_WANTED = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the report. `mend`: what to do; empty where all is well."""

    what: str
    value: str
    mend: str = ""


def examine(show: Console) -> int:
    """Print every finding. Returns 1 if something needs mending, else 0."""
    settings = load_settings()
    parts: list[Callable[[Settings], list[Finding]]] = [pack, model, device, folder, address, versions]
    findings = [finding for part in parts for finding in attempt(part, settings)]
    for finding in findings:
        mark = "[red]✗[/red]" if finding.mend else "[green]✓[/green]"
        show.print(f"{mark} {finding.what:12} {finding.value}")
        if finding.mend:
            show.print(f"  {'':12} mend: {finding.mend}", markup=False)
    wrong = sum(bool(finding.mend) for finding in findings)
    show.print("All is well." if not wrong else f"{wrong} thing(s) to mend.")
    return 1 if wrong else 0


def attempt(part: Callable[[Settings], list[Finding]], settings: Settings) -> list[Finding]:
    try:
        return part(settings)
    except TriviumError as error:
        return [Finding(part.__name__, "wrong", str(error))]


def pack(settings: Settings) -> list[Finding]:
    domain = load_domain(settings.domain)
    counts = f"{len(domain.tasks)} task types, {len(domain.examples())} examples, {len(domain.golden())} golden cases"
    measured = load_measured(domain)
    when = f"measured {measured.measured_at}" if measured.measured_at else "not measured"
    mend = "" if measured.measured_at else "run `trivium evaluate --save`, so that strategies may serve"
    return [
        Finding("pack", f"{domain.name} in {domain.folder}: {counts}"),
        Finding("floors", when, mend),
        router(domain, route_labels(settings)),
    ]


def router(domain: Domain, labels: Sequence[tuple[str, str]] = ()) -> Finding:
    """`labels`: (query, task) as reviewers decided it; new ones are no fault, they act on their own queries already."""
    from app.bootstrap import ROUTER
    from core.labelled import fingerprint, labelled, news, told
    from router.tuned import read_card

    card = read_card(domain.folder / ROUTER)
    if not card:
        return Finding("router", "fitted at start (`trivium train-router` makes a better one of many labelled queries)")
    known = f"adapter, {card['accuracy']:.0%} of {len(card['held_out'])} queries in unseen words routed rightly"
    if set(card["tasks"]) != {task.name for task in domain.tasks}:
        return Finding("router", "its adapter knows other task types and is not used", "run `trivium train-router`")
    if new := news(card, told(domain, labels)):
        known += f"; {new}"
    stale = card["labelled"] != fingerprint(labelled(domain))
    return Finding("router", known, "labelled queries have changed since: run `trivium train-router`" if stale else "")


def model(settings: Settings) -> list[Finding]:
    from core.llm import open_models
    from core.llm.base_weights import described

    models = open_models(settings)
    found = [Finding("base model", described(settings))]
    wanted = {
        "prompt": settings.prompt_model,
        "rag": settings.rag_model,
        "tuned": settings.tuned_model or load_domain(settings.domain).name,
    }
    for strategy, name in wanted.items():
        known = name in models.names() or name.startswith("server/")
        mend = (
            ""
            if known
            else f"there is no such model; train it (`trivium train`) or set TRIVIUM_{strategy.upper()}_MODEL"
        )
        leaves = "; text LEAVES this machine" if known and models.leaves_machine(name) else ""
        found.append(Finding(strategy, name + leaves, mend))
    models.close()
    return found


def device(settings: Settings) -> list[Finding]:
    from core.llm.local.converted import Unfit, machine
    from core.llm.local.paged_runtime import tried
    from core.llm.local.runtime import in_nf4, pick_device

    name = pick_device(settings.device)
    able = abilities()
    common = "bf16" if name == "cuda" or able.bf16 else "fp32"
    found, mend = "NF4" if in_nf4(name, settings.quantization) else common, ""
    if tried(settings.engine, settings.device, settings.quantization):
        try:
            machine()
            name, found = "cpu", "eight bits, run by OpenVINO"
        except Unfit as error:
            mend = f"{error}: transformers answers, about three times slower; `make install` brings it"
    return [Finding("device", f"{name} ({able}), base in {found}", mend)]


def folder(settings: Settings) -> list[Finding]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    mend = "" if free > FREE_BYTES_WANTED else "free some space: models and index need about 2 GB"
    if not os.access(settings.data_dir, os.W_OK):
        mend = "the folder cannot be written; change its owner or set TRIVIUM_DATA_DIR"
    return [Finding("data folder", f"{settings.data_dir}, {free / 1e9:.0f} GB free", mend)]


def address(settings: Settings) -> list[Finding]:
    from app.running import require_free

    running = running_api(settings.data_dir)
    if running:
        return [Finding("API", f"running at {running}")]
    require_free(settings.host, settings.port, "the API")
    return [Finding("API", f"not running; {settings.host}:{settings.port} is free")]


def versions(_: Settings) -> list[Finding]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    missing = [line.split()[0] for line in found if line.endswith("missing") and not line.startswith("trl")]
    mend = f"install {', '.join(missing)}: run `make install`" if missing else ""
    return [Finding("versions", f"Python {platform.python_version()}, {', '.join(found)}", mend)]
