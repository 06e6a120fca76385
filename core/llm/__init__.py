"""Model runtimes, all of them LangChain chat models. Importing this loads no model library."""

from core.llm.models import Models, open_models
from core.llm.scripted import ScriptedChat, ScriptedModels

__all__ = ["Models", "ScriptedChat", "ScriptedModels", "open_models"]
