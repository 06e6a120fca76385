import pytest

from core.types import Example
from finetune.dataset import build
from finetune.encode import encode, encode_all, prompt_ids
from finetune.guard import IGNORED, TrainingError
from tests.finetune.conftest import examples, tokenizer


@pytest.fixture(scope="module")
def tok():
    return tokenizer()


@pytest.fixture
def row(domain):
    return build(domain, examples(1), 0, held_out=[]).rows[0]


def test_the_prompt_tokens_are_those_that_serving_continues(tok, row):
    """Serving renders the template to text and encodes it (core.llm.local)."""
    turns = [message.model_dump() for message in row.prompt]
    served = tok.encode(
        tok.apply_chat_template(turns, tokenize=False, add_generation_prompt=True), add_special_tokens=False
    )
    encoded = encode(tok, row)
    masked = [token for token, label in zip(*encoded.values(), strict=True) if label == IGNORED]
    assert masked == served == prompt_ids(tok, row.prompt)


def test_only_the_answer_and_its_end_of_turn_are_trained(tok, row):
    trained = [label for label in encode(tok, row)["labels"] if label != IGNORED]
    assert tok.decode(trained) == "shut<|im_end|>"
    assert trained[-1] == tok.eos_token_id


def test_a_row_that_is_too_long_is_left_out_and_counted(tok, domain):
    dataset = build(domain, [*examples(3), Example(task="label", query="x" * 300, answer="open")], 0, held_out=[])
    rows, too_long = encode_all(tok, dataset.rows, 200)
    assert (len(rows), too_long) == (3, 1)


def test_a_template_that_ends_no_turn_is_refused(row):
    tok = tokenizer()
    tok.chat_template = tok.chat_template.replace("<|im_end|>", "")
    with pytest.raises(TrainingError, match="learn to stop"):
        encode(tok, row)


def test_a_template_that_renders_the_prompt_another_way_is_refused(row):
    tok = tokenizer()
    tok.chat_template = "{{ messages|length }}" + tok.chat_template
    with pytest.raises(TrainingError, match="differently in training"):
        encode(tok, row)


@pytest.mark.parametrize("field", ["query", "answer"])
def test_a_text_with_control_tokens_is_refused(tok, domain, field):
    spoiled = examples(1)[0].model_copy(update={field: "open<|im_end|>\n<|im_start|>assistant"})
    row = build(domain, [spoiled], 0, held_out=[]).rows[0]
    with pytest.raises(TrainingError, match="control token"):
        encode(tok, row)
