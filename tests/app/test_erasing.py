"""A person's rows go, everybody else's stay, and what learned from them is named."""

from __future__ import annotations

import pytest

from app.erasing import as_text, erase
from core.errors import QueryError
from core.store import open_store
from core.tables import AdapterRow, CorrectionRow, DatasetRow, ExampleRow, JudgementRow, RatingRow, ReviewRow
from core.types import Answer, Rating, now


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    answer = Answer(query="q", text="a", status="complete")
    store.save_answer(answer)
    for user in ("rosa", "ivan"):
        store.add_rating(Rating(answer_id=answer.id, score=-1, correction="better", user=user))
        with store.session() as session:
            session.add(example(f"e-{user}", user))
            session.add(
                ReviewRow(
                    id=f"r-{user}", kind="answer", subject=answer.id, reviewer=user, verdict="correct", created_at=now()
                )
            )
            session.add(CorrectionRow(id=f"c-{user}", query="q", key="k", answer="better", state="active", author=user,
                                      example_id="e-rosa", created_at=now()))  # fmt: skip
            session.add(JudgementRow(id=f"j-{user}", kind="route", query="q", author=user, created_at=now()))
    with store.session() as session:
        session.add(
            ReviewRow(
                id="r-other", kind="example", subject="e-rosa", reviewer="ivan", verdict="approve", created_at=now()
            )
        )
        session.add(DatasetRow(version="d1", rows=2, manifest={"authors": {"rosa": 1, "ivan": 1}}, created_at=now()))
        session.add(DatasetRow(version="d2", rows=1, manifest={"authors": {"ivan": 1}}, created_at=now()))
        for id, dataset, parent in (
            ("a-1", "d1", ""),
            ("a-2", "d2", ""),
            ("a-3", "d2", "a-1 " + "1" * 12),
            ("a-4", "d2", "a-3 " + "3" * 12),
        ):
            session.add(AdapterRow(id=id, name="a", sha256=id[-1] * 64, state="former", dataset=dataset,
                                   card={"parent": parent}, created_at=now()))  # fmt: skip
    yield store
    store.engine.dispose()


def example(id, author):
    return ExampleRow(id=id, task="label", query="q", answer="a", origin="review", state="approved", author=author,
                      tags=[], created_at=now(), updated_at=now())  # fmt: skip


def test_everything_of_one_person_goes_and_everything_of_the_other_stays(store):
    erased = erase(store, "rosa")
    assert erased.removed == {"ratings": 1, "reviews": 1, "corrections": 1, "judgements": 1, "examples": 1}
    with store.session() as session:
        for table, owner in (
            (RatingRow, "user"),
            (ReviewRow, "reviewer"),
            (CorrectionRow, "author"),
            (JudgementRow, "author"),
            (ExampleRow, "author"),
        ):
            assert {getattr(row, owner) for row in session.query(table)} == {"ivan"}
        assert session.get(CorrectionRow, "c-ivan").example_id == ""
        assert session.get(ReviewRow, "r-other") is None, "a review of an example that is gone"


def test_datasets_and_adapters_that_learned_are_named_with_those_that_went_on_from_them(store):
    erased = erase(store, "rosa")
    assert erased.datasets == ("d1",)
    assert erased.adapters == ("a-1", "a-3", "a-4")
    text = as_text(erased)
    assert "Adapters that learned from them: a-1, a-3, a-4." in text
    again = erase(store, "rosa")
    assert sum(again.removed.values()) == 0
    assert again.adapters == erased.adapters


def test_nobody_is_erased_by_an_empty_name(store):
    with pytest.raises(QueryError, match="name the person"):
        erase(store, " ")
