import pytest

from core.types import Message
from finetune.bounds import account_bound, bound_accounts, bound_refusals, bound_rows, bound_shares, bound_tasks
from finetune.rows import Row


def row(number, author="", origin="import", task="label", tags=()):
    turns = {
        "prompt": (Message(role="user", content=f"q{number}"),),
        "completion": (Message(role="assistant", content="a"),),
    }
    return Row(task=task, **turns, author=author, origin=origin, tags=tags, example=f"{author}{number}")


def rows(count, **about):
    return [row(f"{about}{number}", **about) for number in range(count)]


def cut(found):
    return [one for one, _ in found]


def test_an_account_gives_at_most_its_share_of_what_remains():
    given = rows(300, author="mallory") + rows(100, origin="seed") + rows(80, author="ada")
    gone = cut(bound_accounts(given, 0.25, 10))
    left = [one for one in given if one not in gone]
    by_mallory = sum(one.author == "mallory" for one in left)
    assert by_mallory <= 0.25 * len(left)
    # Not one more than needed is taken.
    assert by_mallory + 1 > 0.25 * (len(left) + 1)
    assert {one.author for one in gone} <= {"mallory", "ada"}


def test_rows_without_a_name_are_one_account_and_seeds_are_none():
    given = rows(90, author="") + rows(10, origin="seed")
    gone = cut(bound_accounts(given, 0.2, 5))
    assert {one.origin for one in gone} == {"import"}
    assert len(gone) == 85


def test_a_few_rows_of_one_account_always_pass():
    assert bound_accounts(rows(50, author="ada"), 0.25, 50) == []
    assert len(bound_accounts(rows(51, author="ada"), 0.25, 50)) == 1


@pytest.mark.parametrize(("counts", "others"), [([10, 1000], 0), ([400, 400, 3], 20), ([7], 1000), ([], 5)])
def test_the_bound_settles(counts, others):
    bound = account_bound(counts, others, 0.25, 1)
    left = others + sum(min(count, bound) for count in counts)
    assert bound == max(1, int(0.25 * left))


def test_the_choice_does_not_depend_on_the_order():
    given = rows(200, author="ada") + rows(100, origin="seed")
    assert set(cut(bound_accounts(given, 0.25, 1))) == set(cut(bound_accounts(given[::-1], 0.25, 1)))


def test_refusals_over_their_share_go_and_reviewed_ones_go_last():
    refusing = rows(40, tags=("refusal",)) + rows(10, tags=("refusal",), origin="review")
    gone = cut(bound_refusals(refusing + rows(70), 0.3, lambda one: "refusal" in one.tags))
    assert len(gone) == 20
    assert {one.origin for one in gone} == {"import"}


def test_a_task_that_would_drown_the_others_is_cut():
    given = rows(1000, task="label") + rows(100, task="reply") + rows(100, task="form")
    gone = cut(bound_tasks(given, 4, 50))
    assert {one.task for one in gone} == {"label"}
    assert len(gone) == 600


def test_one_task_alone_and_small_tasks_are_left():
    assert bound_tasks(rows(1000), 4, 50) == []
    assert bound_tasks(rows(50, task="label") + rows(2, task="reply"), 4, 50) == []


def test_a_smaller_version_is_part_of_a_larger_one_with_each_task_in_proportion():
    given = rows(60, task="label") + rows(30, task="reply")
    kept = {most: {one for one in given if one not in cut(bound_rows(given, most))} for most in (9, 30)}
    assert kept[9] < kept[30]
    assert (len(kept[9]), len(kept[30])) == (9, 30)
    assert sum(one.task == "label" for one in kept[30]) == 20
    assert bound_rows(given, None) == []


def mixed(given, shares, most):
    gone = cut(bound_shares(given, shares, most))
    return [one for one in given if one not in gone]


def count(given, task):
    return sum(one.task == task for one in given)


def test_a_mix_keeps_its_shares_and_no_row_of_another_task():
    given = rows(60, task="label") + rows(30, task="reply") + rows(9, task="form")
    kept = mixed(given, {"label": 0.25, "reply": 0.75}, 40)
    assert (count(kept, "label"), count(kept, "reply"), count(kept, "form")) == (10, 30, 0)
    # Of the scarcer task all are taken, and of the other one as many as fit.
    assert len(mixed(given, {"label": 0.9, "form": 0.1}, None)) == 66
    assert len(mixed(given, {"label": 0.5, "form": 0.5}, 400)) == 18


def test_a_smaller_mix_is_part_of_a_larger_one_of_the_same_shares():
    given = rows(60, task="label") + rows(60, task="reply")
    shares = {"label": 0.7, "reply": 0.3}
    small, large = (set(mixed(given, shares, most)) for most in (10, 50))
    assert small < large
    assert (len(small), len(large)) == (10, 50)


def test_of_a_smaller_version_what_people_reviewed_is_kept_first():
    given = rows(60, origin="seed") + rows(5, origin="review", author="ann")
    dropped = cut(bound_rows(given, 10))
    assert len(dropped) == 55
    assert {one.origin for one in dropped} == {"seed"}
