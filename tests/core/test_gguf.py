"""GGUF files: those that lie about themselves are refused, and tiny models convert to what transformers had."""

import contextlib
import json
import struct
import tracemalloc

import numpy as np
import pytest

from core.errors import ModelError
from core.llm.gguf_file import STRING, read_gguf
from core.llm.gguf_weights import write_folder

U8, F32, ARRAY = 0, 6, 9
SYSTEM = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def entry(name, kind, content):
    return text(name) + struct.pack("<I", kind) + content


def tensor(name, shape=(8,), kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def gguf(entries=(), tensors=(), data=b"", magic=b"GGUF", version=3, counts=None):
    """The bytes of a file; `counts`: what it says of how many tensors and entries it has."""
    told = counts or (len(tensors), len(entries))
    head = magic + struct.pack("<IQQ", version, *told) + b"".join(entries) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


SOUND = gguf(
    [
        entry("general.architecture", STRING, text("llama")),
        entry("a.list", ARRAY, struct.pack("<IQ", STRING, 2) + text("one") + text("two")),
        entry("a.number", F32, struct.pack("<f", 0.5)),
        entry("some.bytes", ARRAY, struct.pack("<IQ3B", U8, 3, 1, 2, 3)),
    ],
    [tensor("x", (4, 2)), tensor("y", (32,), kind=8, offset=32)],  # kind 8: Q8_0, 34 bytes for 32 numbers
    np.arange(8, dtype=np.float32).tobytes() + bytes(34),
)


def written(tmp_path, content):
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    return file


def test_values_and_places_of_tensors_are_read(tmp_path):
    read = read_gguf(written(tmp_path, SOUND))
    assert read.architecture == "llama"
    assert read.values["a.list"] == ["one", "two"]
    assert (read.values["a.number"], read.values["some.bytes"]) == (0.5, [1, 2, 3])
    assert read.tensors["x"].shape == (2, 4)
    assert read.unpacked(read.tensors["x"]).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert read.unpacked(read.tensors["y"]).tolist() == [0.0] * 32
    with pytest.raises(ModelError, match=r"lacks the value llama\.block_count"):
        read.value("{arch}.block_count")


def test_a_file_that_ends_anywhere_is_a_sentence(tmp_path):
    for length in range(len(SOUND)):
        with pytest.raises(ModelError, match=r"model\.gguf"):
            read_gguf(written(tmp_path, SOUND[:length]))


def test_one_wrong_byte_is_read_or_refused_and_nothing_else(tmp_path):
    for at in range(len(SOUND) - 66):
        changed = bytearray(SOUND)
        changed[at] ^= 0xFF
        with contextlib.suppress(ModelError):
            read_gguf(written(tmp_path, bytes(changed)))


MANY = (1 << 64) - 1
UNSOUND = {
    "a wrong magic": (gguf(magic=b"GGML"), "does not begin with GGUF"),
    "another version": (gguf(version=9), "version 9 is not known"),
    "more tensors than fit": (gguf(counts=(MANY, 0)), "entries should follow"),
    "more entries than fit": (gguf(counts=(0, 1 << 40)), "entries should follow"),
    "a text longer than the file": (gguf([struct.pack("<Q", MANY) + bytes(8)]), "bytes should follow"),
    "a list longer than the file": (gguf([entry("a", ARRAY, struct.pack("<IQ", U8, MANY))]), "entries should follow"),
    "texts beyond the file": (gguf([entry("a", ARRAY, struct.pack("<IQ", STRING, 1 << 50))]), "entries should follow"),
    "an unknown kind of value": (gguf([entry("a", 77, b"")]), "no kind of value 77"),
    "a text that is not UTF-8": (gguf([struct.pack("<Q", 1) + b"\xff"]), "not UTF-8"),
    "lists in lists in lists": (
        gguf([entry("a", ARRAY, struct.pack("<IQ", ARRAY, 1) * 9 + bytes(99))]),
        "no kind of value",
    ),
    "an impossible alignment": (gguf([entry("general.alignment", 4, struct.pack("<I", 0))]), "alignment of 0"),
    "no dimensions": (gguf(tensors=[tensor("x", ())]), "has 0 dimensions"),
    "too many dimensions": (gguf(tensors=[tensor("x", (1,) * 5)]), "has 5 dimensions"),
    "a tensor outside": (gguf(tensors=[tensor("x", (8,), offset=MANY)], data=bytes(32)), "should lie at byte"),
    "a tensor beyond the end": (gguf(tensors=[tensor("x", (9,))], data=bytes(32)), "should lie at byte"),
    "a huge tensor": (gguf(tensors=[tensor("x", (MANY, MANY))], data=bytes(32)), "should lie at byte"),
    "an empty tensor": (gguf(tensors=[tensor("x", (0,))]), "shape"),
    "an unknown packing": (gguf(tensors=[tensor("x", kind=999)], data=bytes(32)), r"packed in a way \(999\)"),
    "rows that no block divides": (gguf(tensors=[tensor("x", (31,), kind=8)], data=bytes(64)), "packing does not allow"),
    "a tensor twice": (gguf(tensors=[tensor("x"), tensor("x")], data=bytes(32)), "stands in it twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_what_lies_about_itself_is_refused_without_taking_memory(tmp_path, name):
    content, says = UNSOUND[name]
    file = written(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=says):
            read_gguf(file)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_long_list_of_bytes_does_not_become_millions_of_objects(tmp_path):
    content = gguf([entry("a", ARRAY, struct.pack("<IQ", U8, 5 << 20) + bytes(5 << 20))])
    with pytest.raises(ModelError, match="5,242,880 entries"):
        read_gguf(written(tmp_path, content))


def test_a_folder_or_an_empty_file_is_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        read_gguf(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_gguf(written(tmp_path, b""))


# What follows makes tiny models with transformers, writes them with the gguf package and converts them back.

WIDTH, LAYERS, HEADS, KEYS = 32, 2, 4, 2
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def tiny(kind, tied):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    config, model = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}[kind]
    torch.manual_seed(7)
    made = model(
        config(
            vocab_size=len(vocabulary()),
            hidden_size=WIDTH,
            intermediate_size=48,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KEYS,
            max_position_embeddings=128,
            rope_theta=5000.0,
            tie_word_embeddings=tied,
        )
    ).eval()
    for parameter in made.parameters():  # biases too, which begin as zeros; and in numbers that bf16 keeps
        parameter.data = (torch.randn_like(parameter) * 0.2).to(torch.bfloat16).float()
    return made


def vocabulary():
    from tokenizers.pre_tokenizers import ByteLevel

    return [*sorted(ByteLevel.alphabet()), "he", *TOKENS]


def turned(matrix, heads):
    """Rows as llama.cpp keeps them for Llama."""
    rows = matrix.shape[0]
    return matrix.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


PARTS = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
}  # fmt: skip


def named(name):
    module, _, ending = name.rpartition(".")
    if module.startswith("model.layers."):
        _, _, layer, part = module.split(".", 3)
        return f"blk.{layer}.{PARTS[part]}.{ending}"
    return f"{PARTS[module]}.{ending}"


def exported(model, kind, file, head=None, **replaced):
    """Write the model as a GGUF. `head`: another matrix to score tokens with; `replaced`: values to lie about."""
    from gguf import GGUFWriter

    writer = GGUFWriter(file, kind)
    values = {
        "context_length": 128, "embedding_length": WIDTH, "block_count": LAYERS, "feed_forward_length": 48,
        "head_count": HEADS, "head_count_kv": KEYS, **replaced,
    }  # fmt: skip
    for name, value in values.items():
        getattr(writer, f"add_{name}")(value)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(5000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre({"llama": "smollm", "qwen2": "qwen2"}[kind])
    writer.add_token_list(vocabulary())
    writer.add_token_types([3 if token in TOKENS else 1 for token in vocabulary()])
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(vocabulary().index("<|im_start|>"))
    writer.add_eos_token_id(vocabulary().index("<|im_end|>"))
    writer.add_chat_template(SYSTEM)
    for name, tensor in model.state_dict().items():
        matrix = tensor.numpy()
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        if kind == "llama" and ("q_proj" in name or "k_proj" in name):
            matrix = turned(matrix, HEADS if "q_proj" in name else KEYS)
        writer.add_tensor(named(name), np.ascontiguousarray(matrix))
    if head is not None:
        writer.add_tensor("output.weight", head)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def logits(folder_or_model):
    import torch
    from transformers import AutoModelForCausalLM

    model = folder_or_model
    if not hasattr(model, "forward"):
        model = AutoModelForCausalLM.from_pretrained(folder_or_model, dtype=torch.float32, local_files_only=True)
    with torch.inference_mode():
        return model(torch.tensor([[5, 60, 7, 200, 33, 9]])).logits.numpy()


@pytest.mark.model
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_converted_model_computes_what_it_computed_before(tmp_path, kind, tied):
    model, shares = tiny(kind, tied), []
    exported(model, kind, tmp_path / "tiny.gguf")
    folder = tmp_path / "folder"
    folder.mkdir()
    write_folder(tmp_path / "tiny.gguf", folder, progress=shares.append)
    assert np.allclose(logits(folder), logits(model), atol=1e-5)
    assert json.loads((folder / "config.json").read_text())["tie_word_embeddings"] is tied
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.model
def test_two_copies_of_a_tied_matrix_become_the_one_that_scores(tmp_path):
    import torch

    model = tiny("qwen2", True)
    other = (torch.randn_like(model.model.embed_tokens.weight) * 0.2).to(torch.bfloat16).float()
    exported(model, "qwen2", tmp_path / "tiny.gguf", head=other.numpy())
    for tied in (True, False):
        (tmp_path / str(tied)).mkdir()
        write_folder(tmp_path / "tiny.gguf", tmp_path / str(tied), tied=tied)
    apart = logits(tmp_path / "False")
    model.model.embed_tokens.weight.data = other
    model.lm_head.weight = model.model.embed_tokens.weight
    assert np.allclose(logits(tmp_path / "True"), logits(model), atol=1e-5)
    assert not np.allclose(apart, logits(model), atol=1e-2)


@pytest.mark.model
def test_the_tokenizer_splits_digits_keeps_special_tokens_and_the_template(tmp_path):
    from transformers import AutoTokenizer

    exported(tiny("qwen2", True), "qwen2", tmp_path / "tiny.gguf")
    folder = tmp_path / "folder"
    folder.mkdir()
    write_folder(tmp_path / "tiny.gguf", folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokenizer.tokenize("he 12<|im_end|>") == ["he", "Ġ", "1", "2", "<|im_end|>"]
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "he 12"}], tokenize=False)
    assert asked == "<|im_start|>user\nhe 12<|im_end|>\n"
    text = tokenizer.encode("Ärger\n\n1 he's", add_special_tokens=False)
    assert tokenizer.decode(text) == "Ärger\n\n1 he's"


@pytest.mark.parametrize("values", [{"head_count": 0}, {"head_count_kv": [1, 2]}])
def test_values_that_make_no_model_are_a_sentence(tmp_path, values):
    exported(tiny("llama", True), "llama", tmp_path / "tiny.gguf", **values)
    with pytest.raises(ModelError, match=r"tiny\.gguf cannot be converted"):
        write_folder(tmp_path / "tiny.gguf", tmp_path)


def test_an_unknown_architecture_or_a_model_without_its_parts_is_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="architecture 'bert'; known are llama, qwen2"):
        write_folder(written(tmp_path, gguf([entry("general.architecture", STRING, text("bert"))])), tmp_path)
    with pytest.raises(ModelError, match=r"lacks token_embd\.weight"):
        write_folder(written(tmp_path, SOUND), tmp_path)
