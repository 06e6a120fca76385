"""Waiting for what is to come about. How long it takes says nothing of whether it is right: a machine may have AVX2 alone, and
two other processes to serve, so there is one ceiling for everything, below the limit that pytest has for a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 240.0
LOOK = 0.02


def until(what: Callable[[], Any], told: Callable[[], object] = lambda: "it did not come about") -> Any:
    """What `what` gives once it is true of itself; a page or server that is not there yet counts as not yet. Fails with what
    is `told`."""
    deadline = time.monotonic() + PATIENCE
    while not (found := _now(what)):
        assert time.monotonic() < deadline, told()
        time.sleep(LOOK)
    return found


def _now(what: Callable[[], Any]) -> Any:
    from httpx import TransportError

    try:
        return what()
    except TransportError:
        return None
