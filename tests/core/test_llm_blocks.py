import pytest

from core.llm.local.blocks import SIZE, Blocks, names_of

SYSTEM = list(range(1000, 1000 + 2 * SIZE))  # two whole blocks that prompts share


def read(blocks, prompt, room=1):
    held = blocks.take(prompt, room)
    begin = held.read
    blocks.note(held, len(prompt))
    return held, begin


def test_a_beginning_that_was_read_is_not_read_again():
    blocks = Blocks(16)
    first, begin = read(blocks, [*SYSTEM, 1, 2, 3])
    assert begin == 0
    second, begin = read(blocks, [*SYSTEM, 7, 8])
    assert begin == len(SYSTEM)
    assert second.blocks[:2] == first.blocks[:2]
    assert second.blocks[2] != first.blocks[2]


def test_the_last_token_of_a_prompt_is_always_read_since_its_scores_are_wanted():
    blocks = Blocks(16)
    read(blocks, SYSTEM)
    assert read(blocks, SYSTEM)[1] == SIZE


def test_a_block_counts_only_after_the_same_beginning():
    blocks = Blocks(16)
    read(blocks, [*SYSTEM, 1])
    assert read(blocks, [*SYSTEM[SIZE:], 1])[1] == 0
    assert names_of(SYSTEM)[1] != names_of(SYSTEM[SIZE:])[0]


def test_nothing_is_known_before_it_is_read():
    blocks = Blocks(16)
    blocks.take([*SYSTEM, 1], 1)
    assert blocks.take([*SYSTEM, 2], 1).read == 0


def test_whoever_finds_no_room_waits_and_takes_nothing():
    blocks = Blocks(5)
    held, _ = read(blocks, [*SYSTEM, 1], room=SIZE)
    assert blocks.take([5] * SIZE, 1) is None
    assert blocks.take([5] * (SIZE - 1), 1) is not None
    blocks.give_back(held)
    assert blocks.take([6] * SIZE, 1) is not None


def test_what_nobody_uses_stays_known_until_its_room_is_needed():
    blocks = Blocks(4)
    held, _ = read(blocks, [*SYSTEM, 1])
    blocks.give_back(held)
    again, begin = read(blocks, [*SYSTEM, 2])
    assert begin == len(SYSTEM)
    blocks.give_back(again)
    other, _ = read(blocks, [9] * (3 * SIZE), room=SIZE)
    blocks.give_back(other)
    assert read(blocks, [*SYSTEM, 3])[1] == 0


def test_a_block_in_use_is_never_handed_out_again():
    blocks = Blocks(6)
    first, _ = read(blocks, [*SYSTEM, 1])
    second, _ = read(blocks, [*SYSTEM, 2])
    blocks.give_back(first)
    third, _ = read(blocks, [4] * (2 * SIZE), room=SIZE)
    assert not set(third.blocks) & set(second.blocks)
    with pytest.raises(IndexError):
        first.blocks[0]
