"""Models by name: `base`, an adapter's name, or `server/<model>`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from core.cpu import FAST
from core.errors import ModelNotFound
from core.llm.adapters import find_adapter, find_adapters, resolved_name
from core.llm.base_weights import Progress, base_fingerprint, base_folder
from core.settings import Settings, is_loopback
from core.types import Adapter

BASE = "base"
SERVER = "server/"


class Models(Protocol):
    """All models that can be asked. Every method may be called from any thread."""

    def chat(self, name: str) -> BaseChatModel:
        """The model of that name; nothing is loaded yet.

        Raises:
            ModelNotFound: no such model; the message names those that exist.
            AdapterMismatch: the adapter's folder is incomplete.
        """
        ...

    def names(self) -> list[str]:
        """`base`, the adapters, and the server's models that the settings name."""
        ...

    def adapters(self) -> list[Adapter]:
        """Shipped and trained ones, by name, as they lie on disk now; a trained one hides a shipped one."""
        ...

    def resolved(self, name: str) -> str:
        """The name that stays with a model: for one that the registry serves, the id of the adapter that is live now."""
        ...

    def leaves_machine(self, name: str) -> bool:
        """Whether text sent to this model leaves the machine."""
        ...

    def fingerprint(self, name: str) -> str:
        """What the answers depend on: two models with one fingerprint are the same model. Raises as `chat` does."""
        ...

    def engine(self, name: str) -> str:
        """What runs a model, where it may write other texts with the same weights; empty for the common way.

        Raises:
            ModelError: the local model, which is loaded for it, cannot be.
        """
        ...

    def load(self) -> None:
        """Load the local model now; takes seconds, and half a minute more the very first time.

        Raises:
            ModelError: it cannot be loaded.
        """
        ...

    def close(self) -> None:
        """Unload; answers being written end first."""
        ...


class InstalledModels:
    """The models that the settings describe."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        from core.llm.local.engine import Engine

        self._settings = settings
        self._progress = progress
        self._places = [settings.adapters_dir, settings.data_dir / "adapters"]
        self._lock = threading.Lock()
        self._found_base: tuple[Path, str] | None = None
        self._engine = Engine(
            self._base,
            settings.device,
            settings.quantization,
            FAST,
            engine=settings.engine,
            place=settings.data_dir / "models",
        )

    def chat(self, name: str) -> BaseChatModel:
        from core.llm.local.chat import LocalChat

        if name == BASE:
            return LocalChat(engine=self._engine)
        if name.startswith(SERVER) and self._settings.server_url:
            from core.llm.server import ServerChat

            key = self._settings.server_api_key
            return ServerChat(
                model_name=name,
                url=self._settings.server_url,
                api_key=key.get_secret_value() if key else None,
            )
        return LocalChat(engine=self._engine, model_name=name, adapter=self._adapter(name))

    def names(self) -> list[str]:
        settings = self._settings
        wanted = [settings.prompt_model, settings.rag_model, settings.tuned_model or ""]
        remote = sorted({name for name in wanted if name.startswith(SERVER)})
        return [BASE, *(adapter.name for adapter in self.adapters()), *remote]

    def adapters(self) -> list[Adapter]:
        return find_adapters(self._places)

    def resolved(self, name: str) -> str:
        return resolved_name(self._places, name)

    def leaves_machine(self, name: str) -> bool:
        if not name.startswith(SERVER):
            return False
        return not is_loopback(urlsplit(self._settings.server_url or "").hostname or "")

    def fingerprint(self, name: str) -> str:
        if name.startswith(SERVER) and self._settings.server_url:
            return f"{name.removeprefix(SERVER)}@{self._settings.server_url}"
        if name == BASE:
            return self._base()[1]
        adapter = self._adapter(name)
        return f"{self._base()[1]}+{adapter.sha256}"

    def engine(self, name: str) -> str:
        return "" if name.startswith(SERVER) else self._engine.kind

    def load(self) -> None:
        self._engine.load()
        settings = self._settings
        reader = "reader" if settings.reader == "auto" else settings.reader
        soon = {settings.prompt_model, settings.rag_model, reader, settings.tuned_model or settings.domain.name}
        for adapter in self.adapters():
            if adapter.name in soon:
                self._engine.prepare(adapter)

    def close(self) -> None:
        self._engine.close()

    def _adapter(self, name: str) -> Adapter:
        adapter = find_adapter(self._places, name)
        if adapter is None:
            raise not_found(name, self.names(), bool(self._settings.server_url))
        return adapter

    def _base(self) -> tuple[Path, str]:
        """Folder and fingerprint; both are found once, since the folder does not change while we run."""
        with self._lock:
            if self._found_base is None:
                folder = base_folder(self._settings, self._progress)
                self._found_base = (folder, base_fingerprint(folder))
            return self._found_base


def open_models(settings: Settings, progress: Progress | None = None) -> Models:
    """The models that the settings describe; nothing is loaded or converted yet. `progress` gets sentences."""
    return InstalledModels(settings, progress)


def not_found(name: str, names: list[str], server: bool) -> ModelNotFound:
    hint = "" if server or not name.startswith(SERVER) else " Set TRIVIUM_SERVER_URL for models of a server."
    return ModelNotFound(f"There is no model {name!r}; there are {', '.join(names)}.{hint}")
