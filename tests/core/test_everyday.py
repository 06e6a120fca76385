"""Built-in tasks: what a pack takes, what is said of a wrong name, and that the shipped data is sound."""

from __future__ import annotations

import pytest

from app.packs import make_pack
from core import everyday
from core.domain import BuiltIn, load_domain
from core.errors import DomainError
from core.labelled import labelled
from core.measured import load_everyday
from evaluation.rubric import KEYS
from tests.packs import make_pack as toy_pack

NAMES = ["smalltalk", "rewrite", "explain", "summarise", "list", "draft", "translate", "extract", "unable"]


@pytest.fixture
def pack(tmp_path):
    return make_pack("office", tmp_path)


def with_everyday(pack, value):
    file = pack / "domain.yaml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("everyday:")]
    file.write_text("\n".join([*kept, *([f"everyday: {value}"] if value else [])]) + "\n")
    return file


def test_a_new_pack_takes_all_built_in_tasks(pack):
    domain = load_domain(pack)
    assert [task.name for task in domain.built_in] == NAMES
    assert domain.tasks[0].name == "lookup"


@pytest.mark.parametrize("value", ["", "false"])
def test_without_everyday_a_pack_has_its_own_tasks_alone(pack, value):
    (pack / "examples.jsonl").unlink()
    with_everyday(pack, value)
    domain = load_domain(pack)
    assert [task.name for task in domain.tasks] == ["lookup"]
    assert not domain.everyday_cases()


def test_some_are_taken_by_name(pack):
    with_everyday(pack, "[list, smalltalk]")
    assert [task.name for task in load_domain(pack).built_in] == ["list", "smalltalk"]
    assert {case.task for case in load_domain(pack).everyday_cases()} == {"list", "smalltalk"}


def test_a_task_of_the_pack_wins_over_the_built_in_one_of_its_name(tmp_path):
    folder = toy_pack("office", tmp_path)
    with_everyday(folder, "true")
    domain = load_domain(folder)
    assert not isinstance(domain.task("rewrite"), BuiltIn)
    assert isinstance(domain.task("translate"), BuiltIn)


@pytest.mark.parametrize(
    ("value", "says"),
    [("[smalltalk, sing]", "no built-in task 'sing'; there are smalltalk"), ("maybe", "give true, false")],
)
def test_a_wrong_name_is_told_with_its_line(pack, value, says):
    file = with_everyday(pack, value)
    line = len(file.read_text().splitlines())
    with pytest.raises(DomainError) as caught:
        load_domain(pack)
    assert f"domain.yaml:{line}:" in str(caught.value)
    assert says in str(caught.value)


def test_the_router_learns_their_labelled_queries(pack):
    found = labelled(load_domain(pack))
    assert sum(one.task == "unable" for one in found) >= 90
    assert not [one for one in found if one.judged]


def test_what_ships_is_sound():
    cases = everyday.cases()
    assert len({case["id"] for case in cases}) == len(cases)
    assert {case["kind"] for case in cases} == {*NAMES, everyday.FOLLOW_UP}
    assert all(case["rubric"] and set(case["rubric"]) <= KEYS for case in cases)
    asked = {query for fields in everyday.tasks().values() for query in fields["examples"]}
    assert not asked & {case["query"] for case in cases}, "what is measured on is not learned from"
    assert not set(everyday.follow_ups()) & {case["query"] for case in cases}


def test_the_shipped_figures_are_of_built_in_tasks():
    measured = load_everyday()
    assert set(measured.golden) <= set(NAMES)
    assert measured.models.get("prompt")
    assert all(set(row) == {"prompt"} for row in measured.golden.values())
