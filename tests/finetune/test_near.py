import numpy as np
import pytest

from finetune.near import agree, near_duplicates, once


def fixed(vectors):
    """An encoder that knows these texts; all others look alike."""
    return lambda texts: np.array([vectors.get(text, [1.0, 0.0]) for text in texts], dtype=np.float32)


ALIKE = fixed({})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the change is approved", "the change is not approved"),
        ("we have 3,000 tickets", "we have 300 tickets"),
        ("sixteen GB of memory", "24 GB of memory"),
        ("Reply to Mara about the door", "Reply to Priya about the door"),
        ("the gate was open at noon", "the gate was closed at noon"),
        ("the request is complete", "the request is incomplete"),
        ("the server Hydra is slow", "the server is slow"),
        ("train Llama-8b on it", "train Qwen-8b on it"),
        ("it isn't working", "it is working"),
    ],
)
def test_texts_that_differ_in_a_number_a_name_or_a_negation_do_not_agree(one, other):
    assert not agree(one, other)
    assert near_duplicates([one, other], ["same", "same"], ALIKE, 0.95) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Label this: the disk is full", "label this, the disk is full!"),
        ("we have 3,000 tickets", "we have 3000 tickets"),
        ("sixteen gig of memory", "16 gig of memory"),
        ("reply to mara", "Reply to Mara"),
        ("Please label the ticket", "label the ticket please"),
    ],
)
def test_another_way_of_writing_the_same_agrees(one, other):
    assert agree(one, other)
    assert list(near_duplicates([one, other], ["same", "same"], ALIKE, 0.95)) == [1]


def test_only_texts_of_one_group_are_compared_and_the_earlier_stays():
    texts = ["the disk is full", "the disk is full?", "the disk is full!"]
    found = near_duplicates(texts, ["a", "b", "a"], ALIKE, 0.95)
    assert found == {2: (0, pytest.approx(1.0))}


def test_unlike_texts_are_kept():
    encode = fixed({"the disk is full": [0.0, 1.0]})
    assert near_duplicates(["a light is out", "the disk is full"], [1, 1], encode, 0.95) == {}


def test_a_chain_of_likes_does_not_take_a_text_away_that_is_unlike_what_stays():
    def at(degrees):
        return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]

    encode = fixed({"a tap": at(0), "a sink": at(15), "a tub": at(30)})
    found = near_duplicates(["a tap", "a sink", "a tub"], [1, 1, 1], encode, 0.95)
    assert list(found) == [1]


def test_pairs_are_found_across_blocks(monkeypatch):
    monkeypatch.setattr("finetune.near.BLOCK", 2)
    words = [
        "a light is out",
        "the sink drips",
        "the tap leaks",
        "the roof leaks",
        "a tile is loose",
        "the sink drips!",
    ]
    vectors = {word: np.eye(6)[min(number, 5)] for number, word in enumerate(words)}
    vectors["the sink drips!"] = vectors["the sink drips"]
    assert near_duplicates(words, [0] * 6, fixed(vectors), 0.95) == {5: (1, pytest.approx(1.0))}


def test_no_text_is_embedded_twice():
    seen = []

    def encode(texts):
        seen.extend(texts)
        return np.ones((len(texts), 1))

    encoded = once(encode)
    assert encoded(["a", "b", "a"]).shape == (3, 1)
    assert encoded(["b", "c"]).shape == (2, 1)
    assert seen == ["a", "b", "c"]
