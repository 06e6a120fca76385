"""What a review brings about: pure decisions, then in the database, then through a kill at every statement."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.quorum import author_of, missing
from app.review import Subject, check, decide, decide_example
from core.corrections import Corrections, query_key
from core.domain import load_domain
from core.errors import NotFound, QueryError, ReviewTaken
from core.reviews import ExampleChange, Reviews
from core.settings import ROOT
from core.store import open_store
from core.tables import ExampleRow
from core.types import Answer, Citation, Example, Passage, Rating, Review, RouteDecision, now
from tests.app.conftest import office
from tests.app.reviews_killed import ANSWER, RATING, REVIEW, counts
from tests.waiting import PATIENCE

PASSAGE = Passage(id="p1", source="approvals.md", text="The treasurer approves it.")
CITED = Citation(number=1, sentence="x", source="approvals.md", passage_id="p1", passage="x", start=0, end=1)


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    return load_domain(office(tmp_path_factory.mktemp("pack")))


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'trivium.db'}")
    yield store
    store.engine.dispose()


def answer(strategy="tuned", task="label", **more) -> Answer:
    fields = {"query": 'Label this note: "door is open"', "text": "shut/now", "status": "complete"}
    return Answer(route=RouteDecision(strategy=strategy, task=task), **{**fields, **more})


def review(subject: Answer, verdict="correct", **more) -> Review:
    return Review(subject=subject.id, **{"reviewer": "bob", "verdict": verdict, **more})


def looked_up(**more) -> Answer:
    return answer("rag", "lookup", query="Who approves it?", passages=(PASSAGE,), citations=(CITED,), **more)


def test_a_correction_answers_at_once_and_becomes_an_example_of_its_author(domain):
    given = answer()
    rating = Rating(answer_id=given.id, score=-1, correction="open/now ", user="ann")
    effects = decide(domain, Subject(given, (rating,)), [review(given, correction="open/now")], 1)
    assert effects.decided
    assert effects.correction is not None
    assert (effects.correction.answer, effects.correction.author) == ("open/now", "ann")
    (example,) = effects.examples
    assert (example.origin, example.state, example.author, example.answer) == ("review", "approved", "ann", "open/now")
    assert effects.correction.example_id == example.id


def test_a_fact_goes_to_the_documents_and_never_into_an_example(domain):
    given = looked_up(text="I don't know")
    effects = decide(domain, Subject(given), [review(given, correction="The treasurer.", fact=True)], 1)
    assert effects.examples == ()
    (todo,) = effects.judgements
    assert todo.kind == "document"
    assert todo.value["fact"] == "The treasurer."
    assert todo.value["markdown"] == "# Who approves it?\n\nThe treasurer.\n"
    assert todo.value["source"].endswith(".md")
    assert effects.correction is not None
    assert effects.correction.example_id == ""
    assert effects.correction.document == ""


def test_what_documents_answer_is_no_example_even_where_nobody_says_that_it_is_a_fact(domain):
    given = looked_up(text="The cook.")
    hashes = {"approvals.md": "f" * 64}
    effects = decide(domain, Subject(given, hashes=hashes), [review(given, correction="The treasurer.")], 1)
    assert effects.examples == ()
    assert any("no adapter may serve" in said for said in effects.said)
    assert effects.correction is not None
    assert (effects.correction.document, effects.correction.document_sha256) == ("approvals.md", "f" * 64)


def test_a_missing_i_dont_know_becomes_a_refusal_example(domain):
    given = answer()
    effects = decide(domain, Subject(given), [review(given, correction="I don't know.")], 1)
    (example,) = effects.examples
    assert example.answer == domain.refusal
    assert example.tags == ("refusal",)


def test_a_preference_becomes_a_pair_when_the_better_answer_is_approved(domain):
    better, worse = answer(text="open/now"), answer(text="shut/now")
    rating = Rating(answer_id=better.id, preferred_over=worse.id, user="ann")
    subject = Subject(better, (rating, rating.model_copy(update={"id": "2"})), {worse.id: worse})
    effects = decide(domain, subject, [review(better, "approve")], 1)
    assert [(e.origin, e.answer, e.rejected) for e in effects.examples] == [
        ("review", "open/now", ""),
        ("preference", "open/now", "shut/now"),
    ]
    assert decide(domain, subject, [review(better, "reject")], 1).examples == ()


def test_an_approved_answer_that_fails_its_checks_or_was_quoted_is_no_example(domain):
    assert not decide(domain, Subject(odd := answer(text="neither")), [review(odd, "approve")], 1).examples
    assert not decide(domain, Subject(quoted := looked_up(text="x [1]")), [review(quoted, "approve")], 1).examples


def test_route_and_passages_are_judged(domain):
    given = looked_up(text="The cook.")
    said = review(given, fault="route", task="label", passages={"p1": True, "unknown": False})
    judged = {one.kind: one.value for one in decide(domain, Subject(given), [said], 1).judgements}
    assert judged["route"]["task"] == "label"
    assert (judged["passage"]["passage"], judged["passage"]["answers"]) == ("p1", True)
    assert set(judged) == {"route", "passage"}


def test_a_review_that_says_too_little_is_refused_with_what_to_send(domain):
    given = answer()
    with pytest.raises(QueryError, match="send `correction`"):
        check(review(given), domain, "label")
    with pytest.raises(QueryError, match="this pack has lookup"):
        check(review(given, task="nope"), domain, "label")
    with pytest.raises(QueryError, match="shorten"):
        check(review(given, correction="open/now", reviewer="x" * 129), domain, "label")


def test_a_correction_outside_the_tasks_schema_is_refused():
    demo = load_domain(ROOT / "domains" / "ml-desk")
    given = answer(task="recipe")
    with pytest.raises(QueryError, match="JSON of a given form"):
        check(review(given, correction="rank 8"), demo, "recipe")
    check(review(given, correction="I don't know"), demo, "recipe")


# Quorum


def test_one_reviewer_decides_by_default_even_on_their_own_words():
    given = answer()
    assert missing([review(given, correction="x")], "bob", 1) == 0


def test_with_a_quorum_the_author_does_not_count_and_reviewers_must_agree():
    given = answer()
    own, second = review(given, correction="x"), review(given, correction="x ", reviewer="cem")
    other = review(given, correction="y", reviewer="dora")
    assert author_of("x", (), [own, second]) == "bob"
    assert missing([own], "bob", 2) == 2
    assert missing([own, second], "bob", 2) == 1
    assert missing([own, second, other], "dora", 2) == 2
    third = review(given, correction="x", reviewer="dora")
    assert missing([own, second, other, third], "bob", 2) == 0


def test_the_same_person_counts_once_and_the_nameless_not_at_all():
    given = answer()
    twice = [review(given, "approve", reviewer="cem"), review(given, "approve", reviewer="cem")]
    assert missing(twice, "", 2) == 1
    assert missing([*twice, review(given, "approve", reviewer="")], "", 2) == 1


def test_nothing_happens_before_the_quorum(domain):
    given = answer()
    effects = decide(domain, Subject(given), [review(given, correction="open/now")], 2)
    assert not effects.decided
    assert effects.waiting_for == 2
    assert effects.correction is None


# In the database


def recorded(store, domain, given: Answer, said: Review, quorum=1, ratings=()):
    return Reviews(store).record(said, lambda reviews: decide(domain, Subject(given, tuple(ratings)), reviews, quorum))


def test_the_same_review_posted_twice_doubles_nothing(store, domain):
    given = answer()
    store.save_answer(given)
    said = review(given, correction="open/now", fault="route", task="label", id="r" * 32)
    first = recorded(store, domain, given, said)
    before = counts(store)
    again = recorded(store, domain, given, said.model_copy(update={"created_at": now()}))
    assert again.said == first.said
    assert counts(store) == before == {"reviews": 1, "examples": 1, "corrections": 1, "judgements": 1}
    with pytest.raises(ReviewTaken):
        recorded(store, domain, given, said.model_copy(update={"correction": "shut/now"}))
    assert counts(store) == before


def test_the_same_verdict_without_an_id_doubles_no_effect_either(store, domain):
    given = answer()
    for _ in range(2):
        recorded(store, domain, given, review(given, correction="open/now"))
    assert counts(store) == {"reviews": 2, "examples": 1, "corrections": 1, "judgements": 0}


def test_many_reviewers_at_once_leave_one_correction_and_lose_no_review(store, domain):
    given = answer()
    texts = ["open/now", "shut/now"] * 4
    said = [review(given, correction=text, reviewer=f"r{n}") for n, text in enumerate(texts)]
    said += [said[0], said[1]]  # posted twice, at the same time
    with ThreadPoolExecutor(len(said)) as pool:
        done = list(pool.map(lambda one: recorded(store, domain, given, one), said))
    assert all(one.decided for one in done)
    assert counts(store)["reviews"] == len(texts)
    (active,) = Corrections(store).active()
    with store.session() as session:
        approved = [row.answer for row in session.query(ExampleRow) if row.state == "approved"]
    assert approved == [active.answer]


def test_the_last_decision_stands(store, domain):
    given = answer()
    recorded(store, domain, given, review(given, correction="open/now", fault="route", task="label"))
    recorded(store, domain, given, review(given, correction="shut/now", reviewer="cem"))
    (active,) = Corrections(store).active()
    assert active.answer == "shut/now"
    with store.session() as session:
        states = {row.answer: row.state for row in session.query(ExampleRow)}
    assert states == {"open/now": "withdrawn", "shut/now": "approved"}
    assert Reviews(store).judgements() == []
    recorded(store, domain, given, review(given, "reject", reviewer="dora"))
    assert Corrections(store).active() == []


def test_a_newer_correction_of_the_same_query_takes_the_place_of_the_older(store, domain):
    one, other = answer(), answer(query="label this note:  “door is open”")
    recorded(store, domain, one, review(one, correction="open/now"))
    recorded(store, domain, other, review(other, correction="shut/now"))
    assert [c.answer for c in Corrections(store).active()] == ["shut/now"]


def test_a_rejected_reviewed_answer_takes_its_correction_with_it(store, domain):
    given = answer()
    recorded(store, domain, given, review(given, correction="open/now"))
    served = answer(text="open/now", reviewed=True, correction_id=Corrections(store).active()[0].id)
    recorded(store, domain, served, review(served, "reject"))
    assert Corrections(store).active() == []


def test_withdrawing_a_correction_withdraws_its_example(store, domain):
    given = answer()
    recorded(store, domain, given, review(given, correction="open/now"))
    (active,) = Corrections(store).active()
    assert Corrections(store).withdraw(active.id).state == "withdrawn"
    assert Corrections(store).active() == []
    assert Reviews(store).example(active.example_id).state == "withdrawn"
    with pytest.raises(NotFound):
        Corrections(store).withdraw("none")


def test_a_correction_obeys_its_document(store, domain):
    given = looked_up(text="The cook.")
    store.set_document("approvals.md", sha256="f" * 64, state="indexed")
    hashes = {"approvals.md": "f" * 64}
    said = review(given, correction="The treasurer.")
    Reviews(store).record(said, lambda reviews: decide(domain, Subject(given, hashes=hashes), reviews, 1))
    assert len(Corrections(store).active()) == 1
    store.set_document("approvals.md", state="parsing")
    assert len(Corrections(store).active()) == 1, "the same bytes read again change nothing"
    store.set_document("approvals.md", sha256="e" * 64, state="indexed")
    assert Corrections(store).active() == []
    assert Corrections(store).all()[0].state == "stale"


def test_a_correction_whose_document_is_gone_is_stale(store, domain):
    given = looked_up(text="The cook.")
    store.set_document("approvals.md", sha256="f" * 64, state="indexed")
    subject = Subject(given, hashes={"approvals.md": "f" * 64})
    Reviews(store).record(review(given, correction="T."), lambda reviews: decide(domain, subject, reviews, 1))
    store.delete_document("approvals.md")
    assert Corrections(store).all()[0].state == "stale"


def test_a_fact_rests_on_the_note_once_that_is_indexed(store, domain):
    given = looked_up(text="I don't know")
    recorded(store, domain, given, review(given, correction="The treasurer.", fact=True))
    corrections = Corrections(store)
    corrections.bind(given.id, "note.md")
    assert len(corrections.active()) == 1, "not indexed yet"
    store.set_document("note.md", sha256="a" * 64, state="indexed")
    assert corrections.active()[0].document_sha256 == "a" * 64
    store.set_document("note.md", sha256="b" * 64, state="indexed")
    assert corrections.active() == []


def test_what_an_adapter_has_learned_serves_no_more_until_it_is_rolled_back(store, domain):
    given = answer()
    recorded(store, domain, given, review(given, correction="open/now"))
    corrections, (active,) = Corrections(store), Corrections(store).active()
    assert corrections.learned("office-1", ["another"]) == 0
    assert corrections.learned("office-1", [active.example_id]) == 1
    assert corrections.learned("office-1", [active.example_id]) == 0
    assert corrections.active() == []
    assert corrections.all()[0].learned_by == "office-1"
    assert corrections.unlearned("office-1") == 1
    assert [c.learned_by for c in corrections.active()] == [""]


def test_a_reviewed_example_changes_its_state_and_its_answer(store):
    with store.session() as session:
        session.add(
            ExampleRow(id="e1", task="label", query="q", answer="a", origin="draft", state="draft", author="ann",
                       created_at=now(), updated_at=now())
        )  # fmt: skip
    reviews = Reviews(store)
    example = reviews.example("e1")
    said = Review(kind="example", subject="e1", reviewer="bob", verdict="correct", correction="b")
    reviews.record(said, lambda before: decide_example(example, before, 1))
    changed = reviews.example("e1")
    assert (changed.state, changed.answer, changed.author) == ("approved", "b", "bob")


def test_the_author_of_a_draft_is_no_quorum_for_it():
    example = Example(id="e1", task="label", query="q", answer="a", state="draft", author="bob")
    own = Review(kind="example", subject="e1", reviewer="bob", verdict="approve")
    others = [own.model_copy(update={"reviewer": name}) for name in ("cem", "dora")]
    assert decide_example(example, [own], 2).waiting_for == 2
    assert decide_example(example, [own, *others], 2).example_change == ExampleChange("approved")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Who approves it?", "  who  APPROVES it ", True),
        ("Say “no”", 'say "no"', True),
        ("Is it 3.5?", "Is it 35?", False),
        ("approved?", "not approved?", False),
    ],
)
def test_a_key_forgives_case_space_quotes_and_the_last_mark_only(one, other, same):
    assert (query_key(one) == query_key(other)) is same


def test_killed_at_any_statement_a_review_is_whole_or_not_there(tmp_path):
    url, pack = f"sqlite:///{tmp_path / 'trivium.db'}", tmp_path / "office"
    done = subprocess.run(
        [sys.executable, "-m", "tests.app.reviews_killed", url, str(pack)],
        capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False,
    )  # fmt: skip
    attempts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(attempts) > 8, done.stderr
    nothing = {"reviews": 0, "examples": 0, "corrections": 0, "judgements": 0, "active": 0, "torch": False}
    assert attempts[:-1] == [nothing] * (len(attempts) - 1)
    whole = {"reviews": 1, "examples": 1, "corrections": 1, "judgements": 2, "active": 1, "torch": False}
    assert attempts[-1] == whole
    store = open_store(url)
    recorded(store, load_domain(pack), ANSWER, REVIEW, ratings=[RATING])
    assert counts(store) == {name: whole[name] for name in counts(store)}
    store.engine.dispose()
