"""The command line. Heavy imports sit inside the commands, so that `trivium --help` answers at once."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app import examples_command
from app.reader_command import train_reader
from app.registry_command import adapters
from core.errors import TriviumError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
say = Console(stderr=True, highlight=False)
show = Console(highlight=False, soft_wrap=True)
app.add_typer(adapters, name="adapters")
training = typer.Typer(invoke_without_command=True)
training.command("reader")(train_reader)
app.add_typer(training, name="train")

Strategy = Annotated[
    str | None, typer.Option("--strategy", "-s", help="prompt, rag or tuned; default: the router decides")
]
Port = Annotated[int | None, typer.Option(help="port of the API; default: TRIVIUM_PORT or 8000")]


@app.command()
def serve(port: Port = None, host: Annotated[str | None, typer.Option(help="default: 127.0.0.1")] = None) -> None:
    """Run the API alone."""
    from app.running import serve_api

    serve_api(port, host)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="port of the page")] = 8501,
    api: Annotated[str, typer.Option(help="address of the API")] = "http://127.0.0.1:8000",
) -> None:
    """Run the page alone, against a running API."""
    from app.running import serve_page

    raise typer.Exit(serve_page(port, api))


@app.command()
def run(port: Port = None, ui_port: Annotated[int, typer.Option(help="port of the page")] = 8501) -> None:
    """Run the API and the page; Ctrl-C ends both."""
    from app.running import serve_both

    raise typer.Exit(serve_both(port, ui_port))


@app.command()
def ask(query: str, strategy: Strategy = None) -> None:
    """Ask one question and see the road it takes."""
    from app.asking import ask_one

    ask_one(query, strategy, show)


@app.command()
def compare(query: str) -> None:
    """Answer one question by every road."""
    from app.asking import compare_all

    compare_all(query, show)


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="files or folders to add; none: bring the index in step")
    ] = None,
    sync: Annotated[bool, typer.Option("--sync", help="keep the folders in step from now on")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="keep the folders in step no longer")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="read failed documents again: all, or those whose names are given")
    ] = False,
) -> None:
    """Index documents: the pack's, what was added, and folders that are kept in step; only what changed is read."""
    from app.ingest_command import Order, ingest_here

    ingest_here(Order(tuple(paths or ()), sync, forget, retry), show, say)


@training.callback()
def train(
    ctx: typer.Context,
    recipe: Annotated[Path | None, typer.Option(help="default: the recipe that bears the pack's name")] = None,
    out: Annotated[
        Path | None, typer.Option(help="only write an adapter of the pack's examples into this folder")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="a dataset version; none: one is built of the approved examples")
    ] = None,
    name: Annotated[str | None, typer.Option(help="of the adapter; default: the one that serves")] = None,
    start: Annotated[str | None, typer.Option(help="base, live, or an adapter to go on from")] = None,
    search: Annotated[str, typer.Option(help="'r=8,16;learning_rate=1e-3,2e-3', the best is kept")] = "",
    resume: Annotated[str | None, typer.Option(help="a run that was interrupted")] = None,
) -> None:
    """Train an adapter: QLoRA on a GPU, LoRA on a CPU."""
    from app.orders import Asked
    from app.training import train_adapter, train_version

    if ctx.invoked_subcommand:
        return
    if out is None:
        changes = {"start": start} if start else {}
        asked = Asked(
            dataset=dataset, recipe=recipe.stem if recipe else None, name=name, changes=changes, search=search
        )
        train_version(asked, resume, say)
    else:
        train_adapter(recipe, out, say)


@app.command()
def learn(
    dataset: Annotated[str | None, typer.Option(help="a dataset version; none: one is built")] = None,
    rows: Annotated[int | None, typer.Option(help="at most so many examples")] = None,
    start: Annotated[str, typer.Option(help="live: go on from what serves; base: begin anew")] = "live",
) -> None:
    """From the approved examples to a live adapter: build, train, register, evaluate, and promote if it is better."""
    from app.learn_command import learn_here

    learn_here(dataset, rows, start, show, say)


@app.command()
def train_router() -> None:
    """Train the router on the pack's labelled queries (routes, examples, development cases) and the route labels that
    reviewers gave: some minutes on a CPU."""
    from app.training import train_the_router

    train_the_router(say)


@app.command()
def train_search(
    ungated: Annotated[
        bool, typer.Option(help="take the new searcher without comparing it with the one that serves")
    ] = False,
) -> None:
    """Train search on the pack's look-ups (questions with the words that answer them) and the passages that reviewers
    judged: some minutes on a CPU. The new searcher serves if the gate finds it better."""
    from app.search_training import train_search as train_both

    train_both(say, ungated)


@app.command()
def tune_retrieval(
    forget: Annotated[bool, typer.Option(help="go back to the shipped weight")] = False,
) -> None:
    """Learn how much likeness counts against words in search, from judged cases, reviews and opened sources."""
    from app.tuning_command import tune_retrieval as learn_or_forget

    learn_or_forget(forget, show, say)


@app.command()
def evaluate(
    limit: Annotated[int | None, typer.Option(help="at most this many cases of each task")] = None,
    save: Annotated[bool, typer.Option(help="keep floors and thresholds in the pack's measured.json")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the cases and the risk-coverage curve")] = None,
) -> None:
    """Answer the golden suite by every road and by the router. The last line is one JSON object."""
    from app.evaluate_command import evaluate_pack

    print(evaluate_pack(limit, save, out, say))


@app.command()
def rebase() -> None:
    """After a change of the base model: train every live adapter again from its dataset version, and gate it."""
    from app.loop_commands import rebase_all

    rebase_all(show, say)


@app.command()
def erase(user: str) -> None:
    """Remove a person's ratings, reviews, corrections, judgements and examples; name what learned from them."""
    from app.loop_commands import erase_user

    erase_user(user, show)


@app.command()
def doctor() -> None:
    """What would run here, what is wrong and how to mend it."""
    from app.doctor import examine

    raise typer.Exit(examine(show))


@app.command()
def new(name: str) -> None:
    """Make a domain pack with one example of everything."""
    from app.packs import make_pack

    folder = make_pack(name, Path.cwd())
    show.print(f"Made {folder}. Serve it with TRIVIUM_DOMAIN={folder} trivium run")


app.add_typer(examples_command.examples, name="examples")
app.add_typer(examples_command.dataset, name="dataset")


def main() -> None:
    # Before torch is imported anywhere: its threads otherwise spin while they wait, and starve everything else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Each chunk of text is one call of the tokenizer; its own threads only get in the way of torch's.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S"
    )
    for noisy in ("httpx", "chromadb", "alembic", "httpcore", "transformers", "sentence_transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except TriviumError as error:
        say.print(f"[red]{error.title}.[/red]", end=" ")
        say.print(str(error), markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
