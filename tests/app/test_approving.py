"""Examples under a quorum: by name, in the store, over HTTP and from the command line."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from app.approving import Approving, OthersMustApprove, waiting_line
from app.cli import app
from app.reviewing import take_of_example
from core.domain import load_domain
from core.errors import NotFound, ReviewTaken
from core.reviews import Reviews
from core.store import open_store
from core.types import Example, Review
from finetune.examples import GONE, ExampleError, Examples
from tests.app.conftest import office


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    return load_domain(office(tmp_path_factory.mktemp("pack")))


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    yield store
    store.engine.dispose()


@pytest.fixture
def id(store):
    return add(store)


@pytest.fixture
def two(store, domain):
    return Approving(Reviews(store), domain, 2)


def add(store, query="Label this note: a lamp", author="ada", **about) -> str:
    about = {"answer": "open/now", "origin": "import", "state": "draft", **about}
    return Examples(store).add(Example(task="label", query=query, author=author, **about)).id


def state(store, id):
    found = Examples(store).get(id)
    return found.state, found.answer, found.author


def test_a_draft_is_approved_once_enough_others_have_said_so(store, two, id):
    first = two.decide(id, "approved", reviewer="bob")
    assert (first.state, first.approved_by, first.waiting_for) == ("draft", ("bob",), 1)
    assert waiting_line(first) == "approved by bob, waiting for 1 more reviewer to agree, other than who wrote it"
    second = two.decide(id, "approved", reviewer="cem")
    assert (second.state, second.approved_by, second.waiting_for) == ("approved", ("bob", "cem"), 0)
    assert waiting_line(second) == ""
    assert state(store, id) == ("approved", "open/now", "ada")


def test_the_same_person_approving_twice_counts_once(store, two, id):
    for _ in range(3):
        assert two.decide(id, "approved", reviewer="bob").waiting_for == 1
    assert two.decide(id, "approved", reviewer=" bob ").approved_by == ("bob",)
    assert len(Reviews(store).of("example", id)) == 1
    assert state(store, id)[0] == "draft"


def test_the_author_cannot_approve_and_the_nameless_cannot_either(store, two, id):
    with pytest.raises(OthersMustApprove, match="2 reviewers other than ada"):
        two.decide(id, "approved", reviewer="ada")
    with pytest.raises(ExampleError, match="say who you are"):
        two.decide(id, "approved")
    assert Reviews(store).of("example", id) == []
    with pytest.raises(NotFound):
        two.decide("none", "approved", reviewer="bob")


def test_a_quorum_of_one_asks_nobody_and_keeps_the_name(store, domain, id):
    one = Approving(Reviews(store), domain, 1)
    assert one.decide(id, "approved", reviewer="ada").approved_by == ("ada",)
    other = one.decide(add(store, "Label this note: a cup"), "approved", "shut/now")
    assert (other.state, other.answer, other.approved_by, other.waiting_for) == ("approved", "shut/now", (), 0)


def test_an_edited_answer_is_approved_by_others_than_its_editor_and_becomes_theirs(store, two, id):
    proposed = two.decide(id, "approved", "shut/now", "bob")
    assert (proposed.state, proposed.answer, proposed.proposed) == ("draft", "open/now", "shut/now")
    assert (proposed.approved_by, proposed.waiting_for) == ((), 2)
    assert two.decide(id, "approved", "shut/now", "bob").waiting_for == 2, "the editor's own word does not count"
    assert two.decide(id, "approved", "shut/now", "cem").waiting_for == 1
    assert two.decide(id, "approved", "shut/now", "dora").waiting_for == 0
    assert state(store, id) == ("approved", "shut/now", "bob")


def test_an_approval_counts_only_for_the_answer_that_was_seen(store, two, id):
    two.decide(id, "approved", reviewer="bob")
    two.decide(id, "approved", "shut/now", "cem")
    assert two.decide(id, "approved", "open/now", "dora").state == "approved"
    assert state(store, id)[1] == "open/now"


def test_a_draft_comes_back_to_whoever_approved_another_answer(two, id):
    two.decide(id, "approved", reviewer="bob")
    assert id in two.done_by("bob")
    two.decide(id, "approved", "shut/now", "cem")
    assert id not in two.done_by("bob")
    assert id in two.done_by("cem")
    assert id not in two.done_by("dora")


def test_whoever_rejects_decides_alone_and_earlier_approvals_are_void(store, two, id):
    two.decide(id, "approved", reviewer="bob")
    assert two.decide(id, "rejected", reviewer="cem").state == "rejected"
    again = two.decide(id, "approved", reviewer="dora")
    assert (again.state, again.approved_by, again.waiting_for) == ("rejected", ("dora",), 1)
    assert two.decide(id, "approved", reviewer="bob").state == "approved"


@pytest.mark.parametrize("back", ["withdrawn", "draft", "rejected"])
def test_what_was_taken_out_needs_the_whole_quorum_again(two, id, back):
    for name in ("bob", "cem"):
        two.decide(id, "approved", reviewer=name)
    assert two.decide(id, back).state == back
    assert two.decide(id, "approved", reviewer="bob").waiting_for == 1


def test_a_review_over_the_other_endpoint_counts_towards_the_same_quorum(store, two, id):
    said = Review(kind="example", subject=id, reviewer="bob", verdict="approve")
    assert take_of_example(Reviews(store), said, 2).waiting_for == 1
    assert two.decide(id, "approved", reviewer="cem").approved_by == ("bob", "cem")
    again = take_of_example(Reviews(store), said, 2)
    assert again.waiting_for == 1, "posted twice it says what it said"
    with pytest.raises(ReviewTaken):
        take_of_example(Reviews(store), said.model_copy(update={"verdict": "reject"}), 2)


def test_an_example_that_is_approved_already_is_left_alone(store, two, id):
    for name in ("bob", "cem"):
        two.decide(id, "approved", reviewer=name)
    assert two.decide(id, "approved", reviewer="dora").approved_by == ("bob", "cem")
    proposed = two.decide(id, "approved", "shut/now", "dora")
    assert (proposed.state, proposed.answer) == ("approved", "open/now"), "another answer needs its own quorum"
    two.decide(id, "approved", "shut/now", "bob")
    assert two.decide(id, "approved", "shut/now", "cem").answer == "shut/now"


def test_a_lower_quorum_lets_the_next_word_decide(store, domain, two, id):
    two.decide(id, "approved", reviewer="bob")
    assert Approving(Reviews(store), domain, 1).decide(id, "approved", reviewer="bob").state == "approved"


def test_a_seed_that_a_person_decided_on_stays_so(store, domain):
    id = add(store, origin="seed", state="withdrawn", note=GONE)
    assert Approving(Reviews(store), domain, 1).decide(id, "rejected").note == ""


def test_an_empty_answer_is_refused(two, id):
    with pytest.raises(ExampleError, match="teaches nothing"):
        two.decide(id, "approved", "  ", "bob")


# Over HTTP


@pytest.fixture
def desk(client, monkeypatch):
    service = client.app.state.service
    monkeypatch.setattr(service, "settings", service.settings.model_copy(update={"review_quorum": 2}))
    return client


def post(client, id, **body):
    return client.post(f"/api/examples/{id}/state", json={"state": "approved", **body})


def posted(client, query, **about) -> str:
    body = {"task": "label", "query": query, "answer": "open/now", "author": "ada", **about}
    return client.post("/api/examples", json=body).json()["id"]


def test_over_http_an_approval_says_how_many_are_missing(desk):
    id = posted(desk, "Label this note: over the wire")
    reply = post(desk, id, reviewer="bob")
    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["waiting_for"], reply.json()["approved_by"]) == ("draft", 1, ["bob"])
    assert post(desk, id, reviewer="bob").json()["waiting_for"] == 1
    own = post(desk, id, reviewer="ada")
    assert (own.status_code, own.headers["content-type"]) == (409, "application/problem+json")
    assert "other than ada" in own.json()["detail"]
    assert post(desk, id).status_code == 422
    assert post(desk, id, reviewer="x" * 129).status_code == 422
    assert post(desk, id, reviewer="cem").json()["state"] == "approved"


def test_over_http_the_shelf_says_who_approved_and_leaves_out_what_a_reviewer_is_done_with(desk):
    first, own = posted(desk, "Label this note: shelf one"), posted(desk, "Label this note: shelf two", author="bob")
    post(desk, first, reviewer="bob")
    found = desk.get("/api/examples", params={"state": "draft"}).json()
    assert found["quorum"] == 2
    assert found["approvals"][first] == {"answer": "open/now", "approved_by": ["bob"], "waiting_for": 1}
    assert own not in found["approvals"]
    left = desk.get("/api/examples", params={"state": "draft", "reviewer": "bob"}).json()
    assert not {first, own} & {one["id"] for one in left["examples"]}
    assert left["total"] == found["total"] - 2
    others = desk.get("/api/examples", params={"state": "draft", "reviewer": "cem"}).json()
    assert {first, own} <= {one["id"] for one in others["examples"]}


def test_over_http_a_draft_in_a_dataset_is_refused_until_the_quorum_is_there(desk):
    id = posted(desk, "Label this note: not yet trained on")
    post(desk, id, reviewer="bob")
    version = desk.post("/api/datasets", json={}).json()["version"]
    kept = desk.get(f"/api/datasets/{version}").json()["manifest"]["provenance"]
    assert id not in str(kept)


# From the command line


@pytest.fixture
def trivium(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIVIUM_DOMAIN", str(office(tmp_path)))
    monkeypatch.setenv("TRIVIUM_REVIEW_QUORUM", "2")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        return CliRunner().invoke(app, list(words), catch_exceptions=False).output

    return run


def test_the_command_approves_by_name_and_leaves_the_reviewers_own_to_others(trivium, tmp_path):
    (tmp_path / "log.csv").write_text("query,answer\nLabel this note: a door,open/now\n")
    trivium("examples", "import", "log.csv", "--task", "label", "--author", "ada")
    assert "1 left to others: ada wrote them" in trivium("examples", "approve", "--all", "--reviewer", "ada")
    said = trivium("examples", "approve", "--all", "--reviewer", "bob")
    assert "0 examples approved" in said
    assert "1 approved by bob, and waiting for other reviewers" in said
    listed = trivium("examples", "list", "--state", "draft")
    assert "[approved by bob; 1 more must approve it]" in listed
    id = next(line.split()[0] for line in listed.splitlines() if "a door" in line)
    with pytest.raises(OthersMustApprove):
        trivium("examples", "approve", id, "--reviewer", "ada")
    with pytest.raises(ExampleError, match="--reviewer NAME"):
        trivium("examples", "approve", id)
    assert "1 examples approved" in trivium("examples", "approve", id, "--reviewer", "cem")
    assert "[approved by bob, cem]" in trivium("examples", "list", "--state", "approved")
    assert "1 examples rejected" in trivium("examples", "reject", id)
