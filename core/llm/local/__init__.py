"""The model in this process: transformers and PEFT behind one engine thread."""

from core.llm.local.chat import LocalChat
from core.llm.local.engine import Engine

__all__ = ["Engine", "LocalChat"]
