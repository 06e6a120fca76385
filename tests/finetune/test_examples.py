from __future__ import annotations

import pytest

from core.errors import DomainError, NotFound
from core.store import open_store
from core.types import Example
from finetune.examples import ExampleError, Examples
from tests.finetune.conftest import examples, messages, write_rows


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    yield store
    store.engine.dispose()


@pytest.fixture
def kept(store) -> Examples:
    return Examples(store)


def draft(query="Label: lid", **about):
    return Example(**{"task": "label", "query": query, "answer": "open", "origin": "import", "state": "draft", **about})


def seed_rows(given):
    return [{"task": one.task, "messages": messages(one), "tags": list(one.tags)} for one in given]


def test_an_example_is_kept_and_survives_a_restart(kept, store):
    added = kept.add(draft(tags=("edge",), author="mara", document="a.md", note="n"))
    again = Examples(open_store(str(store.engine.url))).get(added.id)
    assert (again.tags, again.author, again.document, again.note) == (("edge",), "mara", "a.md", "n")
    assert again.created_at is not None


def test_the_same_example_is_kept_once_and_keeps_its_state(kept):
    first = kept.add(draft())
    kept.set_state(first.id, "rejected")
    again, new = kept.add_all([draft(author="other")])[0]
    assert (again.id, again.state, again.author, new) == (first.id, "rejected", "", False)
    assert kept.total() == 1


def test_a_reviewed_answer_approves_what_was_a_draft(kept):
    first = kept.add(draft())
    again = kept.add(draft(origin="review", state="approved", author="ada", answer_id="x"))
    assert (again.id, again.state, again.origin, again.author, again.answer_id) == (
        first.id, "approved", "review", "ada", "x",
    )  # fmt: skip


def test_lists_filter_page_and_count(kept):
    kept.add_all([draft(f"Label: {n}", author="ada" if n % 2 else "mara") for n in range(6)])
    kept.add(draft("Form: 1", task="form", state="approved", tags=("edge", "refusal")))
    assert len(kept.list(state="draft", author="ada")) == 3
    assert kept.total(state="draft") == 6
    pages = [one.id for offset in (0, 3) for one in kept.list(state="draft", limit=3, offset=offset)]
    assert len(set(pages)) == 6
    counts = {count.task: count for count in kept.counts(["label", "form", "empty"])}
    assert list(counts) == ["label", "form", "empty"]
    assert (counts["label"].draft, counts["form"].approved, counts["form"].edge, counts["form"].refusal) == (6, 1, 1, 1)
    assert counts["empty"].approved == 0


def test_a_decision_may_mend_the_answer_but_not_empty_it(kept):
    id = kept.add(draft()).id
    assert kept.set_state(id, "approved", "shut").answer == "shut"
    with pytest.raises(ExampleError, match="without an answer"):
        kept.set_state(id, "approved", "  ")
    assert kept.get(id).answer == "shut"
    with pytest.raises(NotFound):
        kept.set_state("nobody", "approved")


def test_seeds_enter_approved_and_once(kept, domain):
    assert kept.sync_seeds(domain).added == len(examples())
    assert {(one.state, one.origin) for one in kept.list()} == {("approved", "seed")}
    assert kept.sync_seeds(domain) == type(kept.sync_seeds(domain))()
    assert kept.total() == len(examples())


def test_a_seed_that_review_rejected_or_mended_stays_so(kept, domain):
    kept.sync_seeds(domain)
    first, second = kept.list()[:2]
    kept.set_state(first.id, "rejected")
    kept.set_state(second.id, "approved", "mended")
    kept.sync_seeds(domain)
    assert kept.get(first.id).state == "rejected"
    assert kept.get(second.id).answer == "mended"
    assert kept.total() == len(examples())


def test_a_seed_that_leaves_the_pack_is_withdrawn_until_it_is_back(kept, domain):
    kept.sync_seeds(domain)
    file = domain.folder / "examples.jsonl"
    write_rows(file, seed_rows(examples()[1:]))
    assert kept.sync_seeds(domain).gone == 1
    assert kept.total(state="withdrawn") == 1
    write_rows(file, seed_rows(examples()))
    assert kept.sync_seeds(domain).back == 1
    assert kept.total(state="approved") == len(examples())


def test_a_seed_that_a_person_withdrew_stays_withdrawn(kept, domain):
    kept.sync_seeds(domain)
    id = kept.list()[0].id
    file = domain.folder / "examples.jsonl"
    write_rows(file, [])
    kept.sync_seeds(domain)
    kept.set_state(id, "withdrawn")
    write_rows(file, seed_rows(examples()))
    kept.sync_seeds(domain)
    assert kept.get(id).state == "withdrawn"


def test_a_fault_in_the_seeds_changes_nothing(kept, domain):
    kept.sync_seeds(domain)
    (domain.folder / "examples.jsonl").write_text('{"task": "label"}\n')
    with pytest.raises(DomainError, match=r"examples\.jsonl:1"):
        kept.sync_seeds(domain)
    assert kept.total(state="approved") == len(examples())


def test_examples_are_added_all_or_none(kept):
    spoiled = draft("Label: b").model_copy(update={"answer": None})
    with pytest.raises(Exception, match="NOT NULL"):
        kept.add_all([draft("Label: a"), spoiled])
    assert kept.total() == 0
