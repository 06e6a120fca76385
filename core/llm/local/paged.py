"""A compiled model, its key-value cache, and the answers that it writes side by side."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.cpu import abilities, threads
from core.llm.local.blocks import SIZE, Blocks, Held
from core.llm.local.decoding import Row, choose
from core.llm.local.lora import Inputs, no_adapter, read_lora

MAX_THREADS = 16
READ = 512  # tokens of prompts that are read between two tokens of the answers beside them
KEPT = 16_384  # tokens whose keys and values are kept, of all adapters together
EXACT = 16  # tokens: up to so many, a token for each answer, a computation is of just that size
GROUPS = 4  # products of a layer that an adapter has a part in: see `lora.groups`


@dataclass(frozen=True)
class Piece:
    """Tokens to read next, those of `held` before them being read."""

    tokens: Sequence[int]
    held: Held


class Compiled:
    """A graph that the CPU plugin has compiled. `exact` computes and keeps all in float32."""

    def __init__(self, file: Path, context: int, exact: bool = False) -> None:
        from core.llm.local.graph import openvino, paged

        ov = openvino()
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": min(threads(), MAX_THREADS),
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
        }
        if not abilities().vnni:
            # Tokens in eight bits too are for VNNI; without it there is no kernel for signed weights then.
            config |= {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
        if exact:
            config |= {"KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
        core = ov.Core()
        model = core.compile_model(paged(core.read_model(file)), "CPU", config)
        self.count = -(-max(KEPT, context) // SIZE)
        self._request = model.create_infer_request()
        self._tensor = ov.Tensor
        self._lora_ports: dict[str, tuple[int, int]] = {}
        for port in model.inputs:
            name, sizes = port.get_any_name(), [sized(size) for size in port.get_partial_shape()]
            if name.startswith(("key_cache.", "value_cache.")):
                cache = ov.Tensor(port.get_element_type(), [self.count + 1 if size < 0 else size for size in sizes])
                # Written to now: the system would give memory to each page only when it is first used, and the process
                # would go on growing for its first hundreds of answers.
                cache.data.view(np.uint8)[...] = 0
                self._request.set_tensor(name, cache)
            elif name.startswith("lora_"):
                self._lora_ports[name] = (sizes[0], sizes[1])
        self._plain = no_adapter(self._lora_ports)
        self._carried: Inputs = {}
        self.carry(None)

    def adapter(self, folder: Path) -> Inputs:
        """A PEFT adapter's matrices, for `carry`. Raises as `lora.read_lora` does."""
        downs = sum(name.startswith("lora_down.") for name in self._lora_ports)
        return read_lora(folder, downs // GROUPS, self._lora_ports)

    def carry(self, adapter: Inputs | None) -> None:
        """Compute with this adapter from now on; None: with none."""
        wanted = self._plain if adapter is None else adapter
        if wanted is not self._carried:
            for name, matrix in wanted.items():
                self._request.set_tensor(name, self._tensor(matrix, shared_memory=True))
            self._carried = wanted

    def scores(self, pieces: Sequence[Piece]) -> torch.Tensor:
        """Scores of what may follow the last token of each piece, shape (pieces, vocabulary), float32."""
        return self._infer(pieces, np.cumsum([len(piece.tokens) for piece in pieces]) - 1)

    def all_scores(self, piece: Piece) -> torch.Tensor:
        """Scores of what may follow each token, shape (tokens, vocabulary)."""
        return self._infer([piece], np.arange(len(piece.tokens)))

    def _padded(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """With a piece of nothing that fills up the number of tokens, in a block of its own: for each number of tokens that the
        plugin has met it keeps some 5 MB, so that a process that reads prompts of all lengths would grow for ever."""
        total = sum(len(piece.tokens) for piece in pieces)
        missing = -total % SIZE if total > EXACT else 0
        return [*pieces, Piece([0] * missing, Held([self.count], 0))] if missing else pieces

    def _infer(self, pieces: Sequence[Piece], wanted: np.ndarray[Any, Any]) -> torch.Tensor:
        pieces = self._padded(pieces)
        past = [piece.held.read for piece in pieces]
        ends = [begin + len(piece.tokens) for begin, piece in zip(past, pieces, strict=True)]
        used = [piece.held.blocks[: -(-end // SIZE)] for piece, end in zip(pieces, ends, strict=True)]
        inputs = {
            "input_ids": np.concatenate([np.asarray(piece.tokens, np.int64) for piece in pieces]),
            "position_ids": np.concatenate([np.arange(*span, dtype=np.int64) for span in zip(past, ends, strict=True)]),
            "past_lens": np.array(past, np.int32),
            "subsequence_begins": begins(len(piece.tokens) for piece in pieces),
            "block_indices": np.concatenate([np.array(blocks, np.int32) for blocks in used]),
            "block_indices_begins": begins(len(blocks) for blocks in used),
            "max_context_len": np.array(max(ends), np.int32),
            "last": wanted.astype(np.int64),
        }
        for name, value in inputs.items():
            self._request.set_tensor(name, self._tensor(value))
        self._request.infer()
        # Copied: the plugin writes the next scores to the same place.
        return torch.from_numpy(self._request.get_tensor("logits").data[:, 0].copy())


def drop_pages(file: Path) -> None:
    """Give back the memory of a mapped file: the plugin has its own, rearranged copy of the weights after the first
    computation, and what is looked at again (rows of the embedding) is read from the file again. Nothing where that fails."""
    libc = ctypes.CDLL(None)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
            if line.endswith(str(file)):
                begin, end = (int(part, 16) for part in line.split(" ", 1)[0].split("-"))
                libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def sized(dimension: Any) -> int:
    """-1 where it is open."""
    return -1 if dimension.is_dynamic else dimension.get_length()


def begins(lengths: Any) -> np.ndarray[Any, Any]:
    return np.cumsum([0, *lengths], dtype=np.int32)


@dataclass
class Seat:
    """An answer that is being written, and the tokens that are to be read for it: its prompt's, then its own last."""

    row: Row
    held: Held
    unread: list[int]
    adapter: Inputs | None


class Table:
    """Answers that are written together by one compiled model; one may sit down while others are being written.

    Those of one adapter are one computation, and the adapters take turns: the weights are read once for each of them.
    """

    def __init__(self, compiled: Compiled, stop_ids: set[int]) -> None:
        self._compiled = compiled
        self._stop_ids = stop_ids
        self._blocks = Blocks(compiled.count)
        self._seats: list[Seat] = []

    @property
    def empty(self) -> bool:
        return not self._seats

    def seat(self, row: Row, adapter: Inputs | None = None) -> bool:
        """Whether there was room for it; if not, it has to wait until another answer is at its end."""
        held = self._blocks.take(row.prompt, row.options.max_new_tokens, row.adapter or "")
        if held is None:
            return False
        self._seats.append(Seat(row, held, row.prompt[held.read :], adapter))
        return True

    def turn(self) -> None:
        """A token for each answer whose prompt is read, and a part of the prompts that are not."""
        for seat in self._seats:
            seat.row.end_if_stopped()
        self._clear()
        by_adapter: dict[str | None, list[tuple[Seat, Piece]]] = {}
        for seat, piece in self._pieces():
            by_adapter.setdefault(seat.row.adapter, []).append((seat, piece))
        for pieces in by_adapter.values():
            self._read(pieces)
        self._clear()

    def _read(self, pieces: Sequence[tuple[Seat, Piece]]) -> None:
        """Read pieces of answers of one adapter, and write a token for those that are read to their end."""
        self._compiled.carry(pieces[0][0].adapter)
        scores = self._compiled.scores([piece for _, piece in pieces])
        done: list[tuple[int, Seat]] = []
        for at, (seat, piece) in enumerate(pieces):
            self._blocks.note(seat.held, seat.held.read + len(piece.tokens))
            del seat.unread[: len(piece.tokens)]
            if not seat.unread:
                done.append((at, seat))
        if done:
            self._write(scores[[at for at, _ in done]], [seat for _, seat in done])

    def leave(self) -> None:
        """Nobody sits here any more: after a fault."""
        for seat in self._seats:
            self._blocks.give_back(seat.held)
        self._seats = []

    def _pieces(self) -> list[tuple[Seat, Piece]]:
        """What is read in this turn. Whoever writes has one token each; the prompts share what is left, first come first."""
        left, pieces = READ, []
        for seat in self._seats:
            size = min(len(seat.unread), left) if len(seat.unread) > 1 else 1
            if size:
                pieces.append((seat, Piece(seat.unread[:size], seat.held)))
                left -= size if len(seat.unread) > 1 else 0
        return pieces

    def _write(self, scores: torch.Tensor, seats: Sequence[Seat]) -> None:
        rows = [seat.row for seat in seats]
        tokens, logprobs = choose(scores, rows)
        for seat, token, logprob in zip(seats, tokens.tolist(), logprobs.tolist(), strict=True):
            seat.row.take(token, logprob, self._stop_ids)
            seat.unread.append(token)

    def _clear(self) -> None:
        for seat in self._seats:
            if seat.row.finish is not None:
                self._blocks.give_back(seat.held)
        self._seats = [seat for seat in self._seats if seat.row.finish is None]
