"""`trivium train reader`: a reader for the base model that serves, from public data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from app.reader_training import Learned, Training

say = Console(stderr=True, highlight=False)
show = Console(highlight=False, soft_wrap=True)


def train_reader(
    data: Annotated[Path | None, typer.Option(help="folder of the public data; default: ../shared/data")] = None,
    limit: Annotated[int | None, typer.Option(help="train on so many examples; default: all 40,000")] = None,
    name: Annotated[str, typer.Option(help="of the adapter; rag uses the one that TRIVIUM_READER names")] = "reader",
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; default: TRIVIUM_DEVICE")] = None,
    prepare: Annotated[
        Path | None, typer.Option(help="only write what another machine needs to train into this folder")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(help="do not train: go on with this adapter, which was trained elsewhere")
    ] = None,
    ship: Annotated[
        Path | None, typer.Option(help="if it goes live, write it with its card and dial into this folder as well")
    ] = None,
) -> None:
    """Train the reader, by which rag answers in few words: from public data, on the base that serves. Hours on a CPU,
    minutes on a GPU; done again, it goes on where it was interrupted."""
    from app.reader_training import DATA, Training, close_desk, make_pack, open_desk
    from core.settings import load_settings
    from finetune.gate_report import as_markdown
    from retrieval.lock import lock_data_dir

    settings = load_settings(**({"device": checked(device)} if device else {}))

    def tell(line: str) -> None:
        say.print(line, markup=False, soft_wrap=True)

    with lock_data_dir(settings.data_dir):
        domain = make_pack(settings, data or DATA, tell)
        desk = open_desk(settings, domain)
        try:
            training = Training(desk, tell)
            if prepare:
                from app.reader_shipping import write_parcel

                write_parcel(desk, training.version(limit), prepare, tell)
                return
            learned = brought(training, adapter) if adapter else trained(training, limit, name)
            show.print(as_markdown(learned.report), markup=False)
            if learned.live:
                show.print(f"{learned.adapter} is live. `trivium adapters rollback {name}` goes back.", markup=False)
            if learned.live and ship:
                from app.reader_shipping import write_shipped

                show.print(write_shipped(desk, learned, ship, tell), markup=False)
        finally:
            close_desk(desk)


def trained(training: Training, limit: int | None, name: str) -> Learned:
    from app.training import told

    return training.judge(training.run(training.version(limit), name, told(say)))


def brought(training: Training, adapter: Path) -> Learned:
    """An adapter from another machine, which has to be as whole as one of ours."""
    return training.decide(training.service.registry.register(adapter).id)


def checked(device: str) -> Literal["auto", "cpu", "cuda"]:
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter("auto, cpu or cuda", param_hint="--device")
    return device
