"""Who has which blocks of a key-value cache. Pure bookkeeping: what is in the blocks is the compiled model's."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SIZE = 32  # tokens in a block; the CPU plugin knows no other size


@dataclass
class Held:
    """The blocks of one answer, in order, and how many tokens in them can be read."""

    blocks: list[int]
    read: int
    names: list[bytes] = field(default_factory=list)  # one for each whole block of the prompt


class Blocks:
    """Hands out blocks and remembers what whole blocks of prompts hold, so that a beginning is read only once.

    Each adapter (`owner`) finds its own alone: the same tokens have other keys and values with another one.
    """

    def __init__(self, count: int) -> None:
        self._free = list(range(count))[::-1]
        self._users = [0] * count
        self._by_name: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()  # read, known by name, used by nobody; oldest first

    def take(self, prompt: Sequence[int], room: int, owner: str = "") -> Held | None:
        """Blocks for a prompt and `room` tokens more; None while there are not enough. What is known needs no reading,
        but for the last token of the prompt, whose scores are wanted."""
        names = names_of(prompt, owner)
        known: list[int] = []
        for name in names[: (len(prompt) - 1) // SIZE]:
            if name not in self._by_name:
                break
            known.append(self._by_name[name])
        more = -(-(len(prompt) + room) // SIZE) - len(known)
        if more > len(self._free) + len(self._idle) - sum(block in self._idle for block in known):
            return None
        for block in known:
            self._idle.pop(block, None)
            self._users[block] += 1
        return Held(known + [self._new() for _ in range(more)], len(known) * SIZE, names)

    def note(self, held: Held, read: int) -> None:
        """All tokens before `read` are read now: whole blocks of the prompt can be found from now on."""
        for at in range(held.read // SIZE, min(read // SIZE, len(held.names))):
            name, block = held.names[at], held.blocks[at]
            if name not in self._by_name and block not in self._names:
                self._by_name[name], self._names[block] = block, name
        held.read = read

    def give_back(self, held: Held) -> None:
        for block in held.blocks:
            self._users[block] -= 1
            if self._users[block]:
                continue
            if block in self._names:
                self._idle[block] = None
            else:
                self._free.append(block)
        held.blocks = []

    def _new(self) -> int:
        if self._free:
            block = self._free.pop()
        else:
            block, _ = self._idle.popitem(last=False)
            del self._by_name[self._names.pop(block)]
        self._users[block] = 1
        return block


def names_of(prompt: Sequence[int], owner: str = "") -> list[bytes]:
    """A name for each whole block, made of its owner and all tokens up to its end: equal names, equal beginnings."""
    tokens = np.asarray(prompt, np.int64)
    names, running = [], hashlib.sha256(owner.encode())
    for end in range(SIZE, len(tokens) + 1, SIZE):
        running.update(tokens[end - SIZE : end].tobytes())
        names.append(running.digest())
    return names
