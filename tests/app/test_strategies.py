"""What becomes of an answer that fails its checks, repeats a few-shot pair or grows too long; scripted answers."""

import json
import threading

import pytest

from app.packs import make_pack
from app.strategies import Generation, Prompting, Tuned, checks_of
from core.domain import Domain, FewShot, TaskType, load_domain
from core.echoes import Echoes
from core.llm.scripted import ScriptedChat
from core.measured import Standing
from core.settings import ROOT
from core.types import Evidence, Message, Query, RouteDecision, Text, Warned

QUERY = Query(text="A recipe, please: an 8B model, an A100 with 80 GB, 2,000 examples, one label for every ticket.")
OPEN = Standing(open=True, measured=True)


@pytest.fixture(scope="module")
def domain():
    return load_domain(ROOT / "domains" / "ml-desk")


@pytest.fixture
def good(domain):
    """A recipe that fits its schema; its numbers are those of a golden case."""
    case = next(case for case in domain.golden() if "json" in case.expected)
    return case.expected["json"]


class Samples:
    """Replies one after the other."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def __call__(self, _: str) -> str:
        return self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]


def better(domain, first: str, *samples: str) -> str:
    road = Tuned(domain, lambda _: ("base", chat), lambda _: False, lambda *_: None, lambda *_: OPEN)
    chat = ScriptedChat(replies=Samples(*samples))
    task = domain.task("recipe")
    made = Generation(first, [-0.1], "stop", 1)
    return road.better(chat, road.request(QUERY, task), QUERY, task, made).text


def test_an_object_that_breaks_its_schema_gives_way_to_one_that_fits_though_it_fails_its_checks(domain, good):
    broken, other = json.dumps({**good, "model_b": -1}), json.dumps({**good, "examples": 77_777})
    assert json.loads(better(domain, broken, broken, other)) == json.loads(other)


def test_where_no_sample_fits_the_first_stands(domain, good):
    broken, worse = json.dumps({**good, "model_b": -1}), json.dumps({"model_b": -2})
    assert better(domain, broken, worse) == broken


def test_what_fits_but_fails_its_checks_is_not_exchanged_for_another_that_does(domain, good):
    first, other = json.dumps({**good, "examples": 66_666}), json.dumps({**good, "examples": 77_777})
    assert better(domain, first, other) == first


def test_a_refusal_is_never_exchanged_for_an_object_with_invented_numbers(domain, good):
    refusal = "I need the size of the model in billions of parameters."
    assert better(domain, refusal, json.dumps({**good, "examples": 77_777})) == refusal


class Prompted:
    """The prompted road of a pack with one pair of few-shot, asked through its stream."""

    PAIR = 'Make this polite: "Send me the logs now"', "Could you please send me the logs now?"

    def __init__(self, *texts: str, max_tokens: int = 700) -> None:
        shots = (FewShot(query=self.PAIR[0], answer=self.PAIR[1]),)
        task = TaskType(name="rewrite", description="d", strategies=("prompt",), examples=("a",), few_shot=shots,
                        max_tokens=max_tokens)  # fmt: skip
        self.domain = Domain(
            folder=ROOT / "nowhere", name="x", title="X", system_prompt="s", refusal="I don't know.", out_of_scope="o",
            tasks=(task,),
        )  # fmt: skip
        chat = ScriptedChat(replies=Samples(*texts))
        self.road = Prompting(self.domain, lambda _: ("base", chat), lambda _: False, lambda *_: None, lambda *_: OPEN)

    def ask(self, text: str):
        decision = RouteDecision(strategy="prompt", task="rewrite")
        return list(self.road.stream(Query(text=text), decision, Evidence(), threading.Event()))


def said(events) -> str:
    return "".join(event.text for event in events if isinstance(event, Text)).strip()


def test_the_answer_of_a_few_shot_pair_never_comes_back_to_another_query():
    events = Prompted(Prompted.PAIR[1], "could you please send me the logs now").ask('Make this polite: "Go home"')
    assert said(events) == "I don't know."
    assert events[-1].refused


def test_an_echo_is_asked_for_again():
    events = Prompted(Prompted.PAIR[1], "Could you please go home?").ask('Make this polite: "Go home"')
    assert said(events) == "Could you please go home?"
    assert not events[-1].refused


def test_the_query_of_the_pair_may_have_its_answer_and_what_only_begins_like_it_streams():
    assert said(Prompted(Prompted.PAIR[1]).ask(Prompted.PAIR[0])) == Prompted.PAIR[1]
    longer = "Could you please send me the logs tomorrow?"
    assert said(Prompted(longer).ask('Make this polite: "logs tomorrow"')) == longer


def test_a_label_that_a_pair_has_too_is_no_echo(domain):
    task, echoes = domain.task("label"), Echoes(domain)
    assert not echoes.is_one(task, 'Label this ticket: "out of hours again"', "gpu/quota")


def test_a_prompted_answer_is_cut_at_the_length_of_its_task_and_says_so():
    words = "one two three four five six seven eight"
    assert said(Prompted(words).ask("Count")) == words
    events = Prompted(words, max_tokens=5).ask("Count")
    assert len(said(events).split()) == 5
    assert events[-1].cut
    assert any("cut off" in event.message for event in events if isinstance(event, Warned))


def test_a_follow_up_is_not_held_to_checks_against_a_text_that_it_does_not_give(tmp_path):
    task = load_domain(make_pack("office", tmp_path)).task("summarise")
    before = Message(role="user", content="Summarise: a long text"), Message(role="assistant", content="A text")
    assert checks_of(task, Query(text="shorter please")) == task.checks
    assert checks_of(task, Query(text="shorter please", history=before)) == ()
    again = Query(text="Summarise this: The pool is closed in May because it is cleaned.", history=before)
    assert checks_of(task, again) == task.checks
