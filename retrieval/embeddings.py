"""Texts to vectors. The default, all-MiniLM-L6-v2, is read from its package and runs without sentence-transformers,
whose import takes longer than everything else that serving needs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from core.cpu import abilities, fast_dtype, threads
from core.errors import ModelNotFound
from core.llm.adapters import WEIGHTS, file_sha256
from core.minilm import NAME, merged, minilm_folder, one_core
from core.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

    from retrieval.int8 import Compiled

BATCH = 16
MAX_TOKENS = 256
QUERIES_KEPT = 2048


class Vectors(Embeddings):
    """Embeddings of unit length. Implementations give `name` (it tells indexes apart) and `encode`."""

    name: str

    def encode(self, texts: list[str]) -> np.ndarray:
        """Vectors, shape (len(texts), size), float32, each of length 1."""
        raise NotImplementedError

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        """As `encode`, for models that treat queries in another way than passages."""
        return self.encode(texts)

    def encode_passages(self, texts: list[str]) -> np.ndarray:
        """As `encode`, for what is indexed: faster where the machine can, and then the vectors differ a little."""
        return self.encode(texts)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self._query(text).tolist()

    def query(self, text: str) -> np.ndarray:
        """The vector of one query, shape (size,), float32, from a cache where it was asked before."""
        return self._query(text)

    def __init__(self) -> None:
        # One query is embedded by retrieval, routing and quoting alike.
        self._query = lru_cache(QUERIES_KEPT)(lambda text: self.encode_queries([text])[0])


class MiniLM(Vectors):
    """all-MiniLM-L6-v2 from a folder, with an adapter merged in if one is given: masked mean of the last layer, normalized.
    Safe to use from many threads."""

    name = NAME

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        super().__init__()
        from transformers import AutoModel
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        if adapter is None:
            self.model = AutoModel.from_pretrained(folder, dtype=fast_dtype(), local_files_only=True).eval()
        else:
            self.name = f"{NAME}+{file_sha256(adapter / WEIGHTS)[:12]}"
            self.model = merged(AutoModel, folder, adapter)
        # transformers' own wrapper changes padding at each call, which fails when two threads do it.
        self.tokenizer = tokenizer_of(folder)
        self.tokenizer.enable_padding()
        self._threads = ThreadPoolExecutor(threads(), "embed", initializer=one_core)
        # Only with the packaged weights: between which bounds an adapter's values lie was not measured.
        self._opened = lru_cache(1)(lambda: self._open(folder) if adapter is None else None)
        self._opening = threading.Lock()

    def encode_passages(self, texts: list[str]) -> np.ndarray:
        """As `encode`, by OpenVINO (`retrieval.int8`), in int8 where this CPU can: cosine 0.999 with the vectors of `encode`."""
        if len(texts) < BATCH:
            return self.encode(texts)
        compiled = self.compiled()
        return compiled.encode(texts) if compiled else self.encode(texts)

    def compiled(self) -> Compiled | None:
        """MiniLM by OpenVINO, opened when first asked for; None where torch does everything."""
        with self._opening:
            return self._opened()

    def _open(self, folder: Path) -> Compiled | None:
        from retrieval.int8 import open_compiled

        return open_compiled(folder, tokenizer_of(folder), self.encode, abilities())

    def encode(self, texts: list[str]) -> np.ndarray:
        import numpy as np

        vectors = np.zeros((len(texts), self.model.config.hidden_size), dtype=np.float32)
        # Texts of like length share a batch: padding is computed like text.
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        made = self._threads.map(self._forward, ([texts[n] for n in batch] for batch in batches))
        for batch, rows in zip(batches, made, strict=True):
            vectors[batch] = rows
        return vectors

    def _forward(self, texts: list[str]) -> np.ndarray:
        import torch

        encoded = self.tokenizer.encode_batch(texts)
        ids = torch.tensor([item.ids for item in encoded])
        mask = torch.tensor([item.attention_mask for item in encoded])
        with torch.inference_mode():
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            summed = (hidden * mask.unsqueeze(-1)).sum(1)
            return torch.nn.functional.normalize(summed, dim=1).numpy()


def tokenizer_of(folder: Path) -> Tokenizer:
    """The tokenizer of a folder, which cuts texts off where MiniLM does."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


class SentenceTransformerVectors(Vectors):
    """Any other model, by folder or hub id."""

    def __init__(self, model: str, offline: bool) -> None:
        super().__init__()
        from sentence_transformers import SentenceTransformer

        self.name = Path(model).name if Path(model).is_dir() else model
        try:
            self.model = SentenceTransformer(model, local_files_only=offline)
        except (OSError, ValueError) as error:
            hint = "; a hub id needs TRIVIUM_OFFLINE=false" if offline else ""
            raise ModelNotFound(f"the embedding model {model!r} cannot be loaded{hint}: {error}") from error

    def encode(self, texts: list[str]) -> np.ndarray:
        return self.model.encode_document(texts, normalize_embeddings=True, batch_size=BATCH, show_progress_bar=False)

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        return self.model.encode_query(texts, normalize_embeddings=True, batch_size=BATCH, show_progress_bar=False)


def open_embeddings(settings: Settings) -> Vectors:
    """The embedding model that the settings name.

    Raises:
        SettingsError: the packaged model is not installed.
        ModelNotFound: another model cannot be loaded.
    """
    if settings.embedding_model != "minilm":
        return SentenceTransformerVectors(settings.embedding_model, settings.offline)
    return MiniLM(minilm_folder())


def open_searcher(settings: Settings, adapter: Path) -> Vectors | None:
    """What turns a question into the vector that passages are searched with: MiniLM with an adapter of the pack
    (`trivium train-search`). None where there is none, or where passages are embedded by another model.

    Passages keep the vectors of MiniLM itself, so an adapter comes and goes without embedding anything again.
    """
    if settings.embedding_model != "minilm" or not (adapter / WEIGHTS).is_file():
        return None
    return MiniLM(minilm_folder(), adapter)
