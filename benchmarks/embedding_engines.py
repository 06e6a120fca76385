"""Runtimes for MiniLM, each as a function from texts to unit vectors; converted directly, without optimum, and in memory but for
ONNX Runtime's, whose tools write files.

ONNX Runtime's need the packages `onnx` and `onnxscript`, which Trivium does not install.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from core.cpu import threads
from retrieval.embeddings import MiniLM, tokenizer_of
from retrieval.int8 import MODEL, RANGES, Compiled, batches, installed, load_bounds, load_weights, padded

Encode = Callable[[list[str]], np.ndarray]
BASELINE = "sentence-transformers fp32"
HEADS, SIZE, OPSET = 12, 384, 17


class NotHere(Exception):
    """Why a runtime is not measured."""


def sentence_transformers(folder: Path) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), local_files_only=True)
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def torch_here(folder: Path) -> Encode:
    return MiniLM(folder).encode


def ours(folder: Path) -> Encode:
    model = MiniLM(folder)
    if model.compiled() is None:
        raise NotHere("OpenVINO cannot be had here; the log says why")
    return model.encode_passages


def openvino(precision: str, rounded: bool = False) -> Callable[[Path], Encode]:
    def opened(folder: Path) -> Encode:
        if not installed():
            raise NotHere("openvino is not installed")
        bounds = load_bounds(RANGES, folder / MODEL) if rounded else None
        return Compiled(tokenizer_of(folder), load_weights(folder / MODEL), bounds, precision).encode

    return opened


def onnxruntime(int8: bool) -> Callable[[Path], Encode]:
    def opened(folder: Path) -> Encode:
        if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
            raise NotHere("onnx and onnxscript are not installed")
        return OnnxRuntime(folder, int8).encode

    return opened


class OnnxRuntime:
    """Exported by torch, fused by ONNX Runtime's own optimizer, and quantized dynamically; one session per core."""

    def __init__(self, folder: Path, int8: bool) -> None:
        import onnxruntime as runtime

        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with tempfile.TemporaryDirectory() as work:
            file = converted(folder, Path(work), int8)
            self._session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizer_of(folder)
        self._streams = threads()
        self._threads = ThreadPoolExecutor(self._streams)

    def encode(self, texts: list[str]) -> np.ndarray:
        ids = [encoded.ids for encoded in self._tokenizer.encode_batch_fast(texts)]
        groups = batches([len(one) for one in ids], self._streams)
        vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
        for group, rows in zip(
            groups, self._threads.map(self._forward, [[ids[n] for n in g] for g in groups]), strict=True
        ):
            vectors[group] = rows
        return vectors

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        tokens, mask = padded(ids)
        hidden: Any = self._session.run(None, {"ids": tokens.astype(np.int64), "mask": mask.astype(np.int64)})[0]
        summed = (hidden * mask[:, :, None]).sum(1)
        return summed / np.linalg.norm(summed, axis=1, keepdims=True)


def converted(folder: Path, work: Path, int8: bool) -> Path:
    from onnx import TensorProto  # pyright: ignore[reportMissingImports]
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    raw, fused, rounded = (work / f"{name}.onnx" for name in ("raw", "fused", "rounded"))
    export(folder, raw)
    optimizer.optimize_model(str(raw), "bert", HEADS, SIZE, opt_level=0).save_model_to_file(str(fused))
    if not int8:
        return fused
    quantize_dynamic(
        fused, rounded, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Attention"],
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )  # fmt: skip
    return rounded


def export(folder: Path, file: Path) -> None:
    import torch
    from transformers import AutoModel

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(
                folder, dtype="float32", local_files_only=True, attn_implementation="eager"
            )

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.model(
                input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids)
            ).last_hidden_state

    ids = torch.ones((2, 17), dtype=torch.long)
    axes = {name: {0: "texts", 1: "tokens"} for name in ("ids", "mask", "hidden")}
    torch.onnx.export(
        Hidden().eval(), (ids, ids.clone()), str(file), input_names=["ids", "mask"], output_names=["hidden"],
        dynamic_axes=axes, opset_version=OPSET, dynamo=False,
    )  # fmt: skip


ENGINES: dict[str, Callable[[Path], Encode]] = {
    BASELINE: sentence_transformers,
    "torch (bf16 where it can)": torch_here,
    "ONNX Runtime fp32": onnxruntime(False),
    "ONNX Runtime int8": onnxruntime(True),
    "OpenVINO fp32": openvino("f32"),
    "OpenVINO bf16": openvino("bf16"),
    "OpenVINO int8, rest fp32": openvino("f32", rounded=True),
    "ours": ours,
}
