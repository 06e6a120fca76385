"""What becomes of an answer of the tuned road that fails its checks; scripted answers, the demo pack's recipe task."""

import json

import pytest

from app.strategies import Generation, Tuned
from core.domain import load_domain
from core.llm.scripted import ScriptedChat
from core.measured import Standing
from core.settings import ROOT
from core.types import Query

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
