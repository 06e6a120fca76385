"""What reviewers say of routes and passages is learned by the next training of router and search: real models, few steps."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from rich.console import Console

from app import search_training
from app.doctor import router as doctor_router
from app.endpoints.about import router_news
from app.review import Subject, decide
from app.search_training import Judged, enough, folders, pairs_of, train_search
from app.taught import AUTHOR, as_lookups, route_labels, uncontaminated, with_judged, words_of
from app.training import train_the_router
from core.domain import load_domain
from core.errors import DomainError
from core.labelled import Labelled, Lookup, fingerprint, labelled
from core.reviews import Reviews
from core.settings import load_settings
from core.store import open_store
from core.tables import JudgementRow
from core.types import Answer, Citation, Judgement, Passage, Review, RouteDecision, now
from finetune import finder, router, searcher
from tests.packs import make_pack

ASKS = {"lookup": "Where do I find", "rewrite": "Say it kindly:", "out_of_scope": "Sing me a song about"}
MATTERS = ["the full disk", "the slow job", "a lost key", "our quota", "the new card", "a broken image"]
NIGHT = "The night porter opens the side door for deliveries until two o'clock."
KEYS = "Spare keys hang in the blue box behind the reception desk."


@pytest.fixture
def pack(tmp_path, monkeypatch):
    folder = make_pack("office", tmp_path)
    routes = [{"task": task, "query": f"{ask} {matter}?"} for task, ask in ASKS.items() for matter in MATTERS]
    (folder / "routes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in routes))
    (folder / "documents" / "night.md").write_text(f"# Night\n\n{NIGHT}\n\n# Keys\n\n{KEYS}\n")
    monkeypatch.setenv("TRIVIUM_DOMAIN", str(folder))
    return folder


@pytest.fixture
def settings(pack):
    return load_settings()


@pytest.fixture
def store(settings):
    store = open_store(settings.database)
    yield store
    store.engine.dispose()


def judge(store, kind, query, value, minute=0, **more):
    made = Judgement(kind=kind, query=query, value=value, created_at=now() + timedelta(minutes=minute), **more)
    with store.session() as session:
        session.add(JudgementRow(**made.model_dump()))
    return made


def passage(text, answers=True, source="night.md", **more):
    return {"passage": "p1", "source": source, "text": text, "answers": answers, **more}


# The router


def test_the_router_learns_what_reviewers_said_and_its_card_says_how_much(pack, settings, store, monkeypatch):
    monkeypatch.setattr(router, "EPOCHS", 1)
    judge(store, "route", "Where do I find the full disk?", {"task": "rewrite"})
    judge(store, "route", "where do I find the full disk", {"task": "out_of_scope"}, 1)
    judge(store, "route", "Whistle something", {"task": "out_of_scope"})
    judge(store, "route", "When is the office open?", {"task": "rewrite"})
    judge(store, "route", "At what hours is the office open?", {"task": "rewrite"})
    seen = []
    fit = router.fit
    monkeypatch.setattr(router, "fit", lambda found, *rest: seen.append(found) or fit(found, *rest))
    train_the_router(Console(quiet=True))
    learned = {one.query: one.task for one in seen[-1]}
    assert learned["where do I find the full disk"] == "out_of_scope"
    assert learned["Whistle something"] == "out_of_scope"
    assert "Where do I find the full disk?" not in learned, "the reviewer's word stands in its place"
    assert not any("the office open" in query for query in learned), "golden, or nearly"
    card = json.loads((pack / "router" / "router.json").read_text())
    domain = load_domain(pack)
    assert card["labelled"] == fingerprint(labelled(domain))
    assert card["reviewed"]["queries"] == 2
    assert len(card["reviewed"]["left_out"]) == 1
    found = doctor_router(domain, route_labels(settings))
    assert not found.mend
    assert "would learn" not in found.value
    judge(store, "route", "Hum", {"task": "out_of_scope"})
    found = doctor_router(domain, route_labels(settings))
    assert "`trivium train-router` would learn 1 new label of reviewers" in found.value
    assert not found.mend, "the router is as good as it was"


def test_without_reviews_the_router_learns_from_the_pack_alone_and_no_database_is_made(pack, settings, monkeypatch):
    taken = {}
    monkeypatch.setattr(
        router,
        "train",
        lambda found, frames, out, say, about: taken.update(found=found, about=about) or {"accuracy": 1.0},
    )
    train_the_router(Console(quiet=True))
    assert taken["found"] == labelled(load_domain(pack))
    assert taken["about"]["reviewed"] == {"queries": 0, "learned": [], "left_out": []}
    assert not settings.data_dir.exists()


def test_the_router_page_says_what_is_new_where_an_adapter_serves(pack, store):
    class Fake:
        """The parts of a service that are asked."""

        domain, reviews, tuned_likeness = load_domain(pack), Reviews(store), object()

    (pack / "router").mkdir()
    (pack / "router" / "router.json").write_text("{}")
    assert router_news(Fake) == ""  # pyright: ignore[reportArgumentType]
    judge(store, "route", "Hum", {"task": "out_of_scope"})
    assert "1 new label" in router_news(Fake)  # pyright: ignore[reportArgumentType]
    Fake.tuned_likeness = None  # pyright: ignore[reportAttributeAccessIssue]
    assert router_news(Fake) == "", "a fitted router has learned it already"  # pyright: ignore[reportArgumentType]


def test_what_asks_nearly_a_golden_question_is_not_learned_from(pack):
    cases = load_domain(pack).golden()
    found = [Labelled(query, "lookup") for query in ("when is the OFFICE open", "Until when are keys lent?")]
    assert uncontaminated(found, cases, None) == (found[1:], found[:1])


# Search


def test_judged_passages_become_one_look_up_for_each_query_by_the_last_word(store):
    judge(store, "passage", "Who opens at night?", passage(NIGHT, False))
    judge(store, "passage", "who opens at night", passage(NIGHT), 1)
    judge(store, "passage", "who opens at night", passage(KEYS, False), 2)
    judge(store, "passage", "Where is the key?", passage(NIGHT, False), 3)
    found = {
        one.query.lower().rstrip("?"): one for one in as_lookups(Reviews(store).judgements("passage"), lambda _: "")
    }
    night, key = found["who opens at night"], found["where is the key"]
    assert (night.passages, night.misses, night.sources) == ((NIGHT,), (KEYS,), ("night.md",))
    assert (night.answer, night.author) == ("", AUTHOR)
    assert (key.passages, key.misses, key.sources) == ((), (NIGHT,), ())


def reviewed(domain, store, verdict, **more):
    """An answer that quotes a passage, and a review that says that the passage answers."""
    quoted = "opens the side door"
    start = NIGHT.index(quoted)
    cited = Citation(
        number=1,
        sentence=quoted,
        source="night.md",
        passage_id="p1",
        passage=NIGHT,
        start=start,
        end=start + len(quoted),
    )
    answer = Answer(query="Who opens?", text=quoted, status="complete", passages=(Passage(id="p1", source="night.md", text=NIGHT),),
                    citations=(cited,), route=RouteDecision(strategy="rag", task="lookup"))  # fmt: skip
    store.save_answer(answer)
    review = Review(subject=answer.id, reviewer="bob", verdict=verdict, passages={"p1": True}, **more)
    Reviews(store).record(review, lambda reviews: decide(domain, Subject(answer), reviews, 1))
    [judgement] = Reviews(store).judgements("passage")
    return words_of(store, Reviews(store))(judgement)


@pytest.mark.parametrize(
    ("verdict", "more", "words"),
    [
        ("approve", {}, "opens the side door"),
        ("correct", {"correction": "The night porter."}, "The night porter"),
        ("correct", {"correction": "Nobody does."}, ""),
        ("reject", {}, ""),
    ],
)
def test_the_words_that_answer_are_what_was_quoted_or_corrected_where_the_passage_holds_them(
    pack, store, verdict, more, words
):
    assert reviewed(load_domain(pack), store, verdict, **more) == words


def test_a_reviewers_look_up_stands_in_for_the_packs_of_the_same_query():
    pack = [Lookup("Who opens?", "porter", ("night.md",)), Lookup("Where is it?", "box", ("night.md",)), Lookup("Why?")]
    theirs = Lookup("who opens", passages=(NIGHT,), sources=("night.md",))
    missed = Lookup("Where is it", misses=(NIGHT,))
    new = Lookup("And when?", misses=(KEYS,))
    found = with_judged(pack, [theirs, missed, new])
    assert found == [Lookup("Where is it?", "box", ("night.md",), misses=(NIGHT,)), pack[2], theirs, new]


def test_the_finder_is_told_what_is_known_and_nothing_else():
    night, keys, other = (
        Passage(id=text[:3], source="night.md", text=text) for text in (NIGHT, KEYS, "Bread is baked at five.")
    )
    known = Lookup("Who opens?", "night porter", ("night.md",), passages=(NIGHT,))
    found = pairs_of(1, known, [night], [night, keys, other])
    assert [(pair.passage, NIGHT[pair.start : pair.end] if pair.start >= 0 else "") for pair in found] == [
        (NIGHT, "night porter"), (KEYS, ""), (other.text, ""),
    ]  # fmt: skip
    unknown = Lookup("Who opens?", "", ("night.md",), passages=(NIGHT,), misses=(KEYS,))
    assert [(pair.passage, pair.start) for pair in pairs_of(1, unknown, [night], [night, keys, other], [keys])] == [
        (KEYS, -1)
    ]
    nowhere = pairs_of(1, Lookup("Who sings?"), [], [night, keys])
    assert [pair.start for pair in nowhere] == [-1, -1]


def test_search_learns_the_passages_that_reviewers_judged_also_of_uploads(pack, settings, store, monkeypatch):
    monkeypatch.setattr(search_training, "FEWEST_LOOKUPS", 3)
    monkeypatch.setattr(searcher, "EPOCHS", 1)
    monkeypatch.setattr(finder, "ADAPT_EPOCHS", 1)
    uploads = settings.data_dir / "documents"
    uploads.mkdir(parents=True)
    bread = "Bread is baked in the cellar at five every morning."
    (uploads / "bread.md").write_text(f"# Bread\n\n{bread}\n")
    asked = [{"query": "Who is there after dark?", "source": "night.md", "answer": "The night porter"}]
    (pack / "lookups.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    judge(store, "passage", "Where do I get in late?", passage(NIGHT))
    judge(store, "passage", "Where do I get in late?", passage(KEYS, False))
    judge(store, "passage", "Where is the oven?", passage(bread, source="bread.md"))
    judge(store, "passage", "When is the office open?", passage(NIGHT))
    judge(store, "passage", "Who had it before?", passage("A text that is gone.", source="bread.md"))
    told, pairs = [], []
    adapt = finder.adapt
    monkeypatch.setattr(finder, "adapt", lambda found, *rest: pairs.extend(found) or adapt(found, *rest))
    say = Console(quiet=True)
    monkeypatch.setattr(say, "print", lambda line, **_: told.append(line))
    train_search(say, ungated=True)
    card = json.loads((pack / "searcher" / "searcher.json").read_text())
    assert card["reviewed"] == {"queries": 2, "left_out": 1}
    assert card["queries"] == 3
    assert any("bread.md has changed since a reviewer judged it" in line for line in told)
    late = [(pair.passage, pair.start) for pair in pairs if pair.question == "Where do I get in late?"]
    assert late == [(KEYS, -1)], "where it answers is not known word by word, that another does not is"
    assert not any(pair.question == "When is the office open?" for pair in pairs)
    assert (pack / "finder").is_dir()


def test_uploads_are_read_only_where_reviewers_judged(pack, settings):
    domain = load_domain(pack)
    assert folders(settings, domain, Judged()) == [domain.documents]
    judged = Judged((Lookup("q", misses=("x",)),))
    assert folders(settings, domain, judged) == [domain.documents, settings.data_dir / "documents"]


def test_judged_look_ups_count_for_whether_there_are_enough(pack, monkeypatch):
    monkeypatch.setattr(search_training, "FEWEST_LOOKUPS", 1)
    domain = load_domain(pack)
    with pytest.raises(DomainError, match="0 answerable questions"):
        enough(domain)
    assert len(enough(domain, [Lookup("q", sources=("night.md",), passages=(NIGHT,))])) == 1
