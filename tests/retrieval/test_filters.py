"""Filters leave the same passages to vectors and words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.errors import QueryError
from core.types import Filters, Query
from tests.retrieval.conftest import FAQ, RULES, Desk


@pytest.fixture
def shelf(desk: Desk) -> Desk:
    desk.write("desk/rules.md", RULES)
    desk.write("desk/old/rules-2019.txt", RULES.replace("120", "80"))
    desk.write("faq.md", FAQ)
    desk.ingest.sync(desk.folder)
    return desk


def sources(desk: Desk, **filters) -> set[str]:
    return {one.source for one in desk.retriever().passages("How many GPU hours per week?", 50, Filters(**filters))}


def test_each_filter_leaves_what_it_names(shelf: Desk):
    everything = {"desk/rules.md", "desk/old/rules-2019.txt", "faq.md"}
    assert sources(shelf) == everything
    assert sources(shelf, sources=("faq.md",)) == {"faq.md"}
    assert sources(shelf, folders=("desk/",)) == everything - {"faq.md"}
    assert sources(shelf, folders=("desk/old",)) == {"desk/old/rules-2019.txt"}
    assert sources(shelf, kinds=(".MD",)) == everything - {"desk/old/rules-2019.txt"}
    assert sources(shelf, folders=("desk",), kinds=("md",)) == {"desk/rules.md"}
    assert sources(shelf, pages=(1, 9)) == set()


def test_pages_are_filtered_by_number(desk: Desk):
    from core.types import Passage

    pages = [Passage(id=str(n), source="a.pdf", text=f"Page {n} speaks of hours.", page=n) for n in range(1, 6)]
    desk.store.replace_chunks("a.pdf", pages, state="indexed", origin="pack")
    desk.index.check()
    found = desk.retriever().passages("hours", 50, Filters(pages=(2, 3)))
    assert {one.page for one in found} == {2, 3}


def test_a_passage_outside_is_found_neither_by_meaning_nor_by_words(shelf: Desk):
    found = shelf.index.search("How many GPU hours per week?", filters=Filters(sources=("faq.md",)))
    assert {passage.source for passage in found.passages} == {"faq.md"}
    assert len(found.passages) == shelf.store.document("faq.md").chunks  # pyright: ignore[reportOptionalMemberAccess]
    assert found.bm25.max() > 0


def test_a_name_that_nothing_has_is_an_error_and_not_an_empty_answer(shelf: Desk):
    for wrong in (Filters(sources=("fax.md",)), Filters(folders=("des",)), Filters(kinds=("pdf",))):
        with pytest.raises(QueryError, match=r"there is no .* among what is indexed"):
            shelf.retriever().passages("hours", filters=wrong)


def test_pages_run_forwards_from_one():
    for wrong in ((3, 2), (0, 4)):
        with pytest.raises(ValidationError):
            Filters(pages=wrong)


def test_evidence_counts_the_documents_that_were_searched(shelf: Desk):
    retriever = shelf.retriever()
    assert retriever.evidence(Query(text="hours")).searched == 3
    assert retriever.evidence(Query(text="hours", filters=Filters(folders=("desk",)))).searched == 2


def test_vectors_of_an_earlier_version_are_described_without_being_embedded(shelf: Desk):
    ids = sorted(shelf.index.ids())
    plain = [{"source": "x", "folder": "x", "kind": "x"} for _ in ids]
    shelf.index._collection.update(ids=ids, metadatas=plain)
    shelf.store.set_note("index_fields", "source")
    checked = shelf.index.check()
    assert (checked.added, checked.rebuilt) == (0, False)
    assert sources(shelf, folders=("desk/old",)) == {"desk/old/rules-2019.txt"}
