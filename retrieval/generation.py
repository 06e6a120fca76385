"""Which vectors are served: a collection, the embedding model that made it and the splitter that cut its passages.

The store notes what is served. Where the settings or this version of Trivium ask for another generation, the noted one goes
on serving until `retrieval.reindex` has brought the other up.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from core.errors import ModelError, SettingsError
from core.settings import Settings
from core.store import Store
from core.types import Noun
from retrieval.documents import SPLITTER_VERSION
from retrieval.embeddings import Vectors, open_embeddings

log = logging.getLogger("trivium")
NOTE = "index"
# Version 0.1 noted nothing.
FIRST_SPLITTER = "1"


class Generation(Noun):
    """`model`: as the settings named it; `name`: what the embeddings call themselves."""

    model: str
    name: str
    splitter: str
    collection: str

    @staticmethod
    def of(model: str, name: str, splitter: str = SPLITTER_VERSION) -> Generation:
        return Generation(model=model, name=name, splitter=splitter, collection=collection_name(name, splitter))


@dataclass(frozen=True)
class Next:
    """A generation with what searches it."""

    generation: Generation
    embeddings: Vectors
    searcher: Vectors | None = None


def collection_name(model: str, splitter: str = FIRST_SPLITTER) -> str:
    name = "trivium-" + (re.sub(r"[^a-zA-Z0-9]+", "-", model).strip("-")[-200:].lower() or "model")
    return name if splitter == FIRST_SPLITTER else f"{name}-s{splitter}"


def generations(
    store: Store, settings: Settings, embeddings: Vectors, searcher: Vectors | None
) -> tuple[Next, Next | None]:
    """What serves, and what is to come if that is something else. `embeddings`: those that the settings ask for."""
    wanted = Next(Generation.of(settings.embedding_model, embeddings.name), embeddings, searcher)
    noted = store.note(NOTE)
    if noted:
        served = Generation.model_validate_json(noted)
    elif store.chunk_ids():
        served = Generation.of(settings.embedding_model, embeddings.name, FIRST_SPLITTER)
    else:
        served = wanted.generation
    if served.name != embeddings.name:
        former = embeddings_of(served, settings)
        if former is not None:
            return Next(served, former), wanted
        # Nobody can ask the old vectors any more: passages are found by their words until the new ones are there.
        served = Generation.of(settings.embedding_model, embeddings.name, served.splitter)
    if served.model_dump_json() != noted:
        store.set_note(NOTE, served.model_dump_json())
    now = Next(served, embeddings, searcher)
    return now, None if served.splitter == SPLITTER_VERSION else wanted


def embeddings_of(generation: Generation, settings: Settings) -> Vectors | None:
    """The model that a generation was made with; None where it cannot be had any more."""
    try:
        found = open_embeddings(settings.model_copy(update={"embedding_model": generation.model}))
    except (ModelError, SettingsError) as error:
        log.warning("the former embedding model is gone, so the index is built anew: %s", error)
        return None
    return found if found.name == generation.name else None
