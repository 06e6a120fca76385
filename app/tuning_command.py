"""`trivium tune-retrieval`: through the API where one owns the data folder, in this process otherwise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console

from core.errors import DataFolderInUse, TriviumError
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from retrieval.fusion import Learned


def tune_retrieval(forget: bool, show: Console, say: Console) -> None:
    """Learn the weight, or with `forget` go back to the shipped one, and say what came of it.

    Raises:
        TriviumError: the data folder is in use by something that is no API, or the API's job failed.
    """
    from app.bootstrap import open_service

    settings = load_settings()
    try:
        service = open_service(settings)
    except DataFolderInUse as error:
        through_api(settings, error, forget, show)
        return
    try:
        from app.tuning import collection_of, learn_weight

        service.sync()
        if forget:
            service.fusion.forget(collection_of(service))
            show.print("The shipped weight serves again.")
            return
        with say.status("ranking") as status:
            learned = learn_weight(service, lambda done, total: status.update(f"ranking {done}/{total}"))
        print_learned(learned, show)
    finally:
        service.close()


def print_learned(learned: Learned, show: Console) -> None:
    counted = ", ".join(f"{number} {origin}" for origin, number in sorted(learned.cases.items())) or "no cases"
    show.print(f"{counted}: {learned.said}.", markup=False)
    for why in learned.left_out:
        show.print(f"left out: {why}", markup=False, style="dim")
    if learned.adopted:
        show.print("It serves from the next query on. `trivium evaluate` measures the roads with it.", style="dim")


def through_api(settings: Settings, error: DataFolderInUse, forget: bool, show: Console) -> None:
    from app.asking import api_client, checked

    client = api_client(settings, error)
    if forget:
        client.delete("/api/retrieval/weight").raise_for_status()
        show.print("The shipped weight serves again.")
        return
    job = checked(client.post("/api/retrieval/tune"))
    while job["state"] in ("pending", "enqueued"):
        time.sleep(0.3)
        job = checked(client.get(f"/api/jobs/{job['id']}"))
    if job["state"] != "success":
        raise TriviumError(f"the weight was not learned: {job['error'] or job['state']}")
    show.print(f"{job['note']}.", markup=False)
