"""What an answer must not begin with."""

from __future__ import annotations

import pytest

from core.llm.local.decoding import Row
from core.llm.messages import Options, options_from


def row(*avoided: int) -> Row:
    return Row([1], Options(), str, lambda _: None, unless=avoided)


def test_none_of_the_avoided_tokens_begins_and_the_chance_of_the_first_is_told():
    import torch

    logits = torch.tensor([0.0, 1.0, 3.0, 2.0])
    one = row(2, 3)
    assert int(one.choose(logits)) == 1
    assert one.chance == pytest.approx(float(torch.softmax(logits, -1)[2]))
    assert not one.plain
    one.take(1, -1.0, set())
    assert one.plain
    assert int(one.choose(logits)) == 2, "they may come later"


def test_without_any_the_likeliest_token_begins():
    import torch

    one = row()
    assert one.plain
    assert int(one.choose(torch.tensor([0.0, 2.0]))) == 1
    assert one.chance is None


def test_one_text_several_or_none_can_be_given():
    assert options_from({"unless": "I don't know."}).avoided == ("I don't know.",)
    assert options_from({"unless": ("I don't know.", "", "x")}).avoided == ("I don't know.", "x")
    assert options_from({}).avoided == ()
