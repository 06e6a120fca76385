"""One MiniLM for all tests of retrieval; stores and indexes in folders of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from core.settings import Settings, load_settings
from core.store import Store, open_store
from retrieval.embeddings import Vectors, open_embeddings
from retrieval.finder import Finder, open_finder
from retrieval.hybrid import HybridRetriever
from retrieval.index import Index, open_index
from retrieval.ingest import Ingest
from retrieval.quote import Found, Quoter

RULES = """# House rules

## Quota

Each team has 120 GPU hours per week. Forecasting has 240 by standing exception.

## Who approves

The data steward approves each new dataset before it is used for training.

| Label | Answer |
|---|---|
| gpu/quota | The capacity lead answers within two working days. |
| data/quality | The data steward answers within three working days. |
"""
FAQ = """# Frequent questions

## How many hours do we have?

A team may use 120 hours on a GPU each week.

## How long are logs kept?

Logs are kept for 90 days and contain no prompts of customers.
"""


@lru_cache(maxsize=1)
def finder() -> Finder:
    return open_finder()


@pytest.fixture(scope="session")
def embeddings() -> Vectors:
    return open_embeddings(load_settings())


@dataclass
class Desk:
    """A store, an index over it and a folder of documents."""

    settings: Settings
    store: Store
    index: Index
    ingest: Ingest
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def retriever(self) -> HybridRetriever:
        return HybridRetriever(index=self.index)

    def quoter(self) -> Quoter:
        return Quoter(self.index.embeddings, finder(), lambda: self.index.words.rarity)

    def find(self, query: str) -> Found:
        return self.quoter().find(query, self.retriever().passages(query))


@pytest.fixture
def desk(tmp_path: Path, embeddings: Vectors) -> Iterator[Desk]:
    settings = load_settings(data_dir=tmp_path / "data")
    store = open_store(settings.database)
    index = open_index(settings, store, embeddings)
    folder = tmp_path / "pack"
    folder.mkdir()
    yield Desk(settings, store, index, Ingest(store, index, settings), folder)
    index.close()
    store.engine.dispose()


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.write("rules.md", RULES)
    desk.write("faq.md", FAQ)
    desk.ingest.sync(desk.folder)
    return desk
