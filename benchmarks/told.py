"""How a benchmark ends: the processor its figures were taken on, which decides about precision and engine, and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.cpu import abilities


def tell(figures: Mapping[str, Any]) -> None:
    """Print the processor, and as the last line the figures in JSON, with it as their `cpu`."""
    cpu = str(abilities())
    print(f"CPU: {cpu}")
    print(json.dumps({"cpu": cpu, **figures}, ensure_ascii=False))
