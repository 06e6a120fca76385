"""Every knob, typed, read once from TRIVIUM_* (environment, or a file `.env`). Unsafe values refuse to start."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
MIN_KEY_LENGTH = 16
MIN_KEY_SIGNS = 6


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TRIVIUM_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="answers, index, converted models; made if absent")
    domain: Path = Field(ROOT / "domains" / "ml-desk", description="the domain pack to serve")
    adapters_dir: Path = Field(ROOT / "adapters", description="adapters that ship with the project")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    api_key: SecretStr | None = Field(None, description="clients send it as a bearer token; none: loopback only")
    client_notes: bool = Field(
        True, description="clients of /v1/chat/completions get warnings and sources as lines below the answer's text"
    )
    queue_limit: int = Field(16, ge=1, description="queries waiting or running before a new one gets 429")
    max_query_chars: int = Field(20_000, ge=100)
    max_upload_mb: int = Field(50, ge=1)
    parse_seconds: int = Field(90, ge=1, description="a file that takes longer to read fails; wall time")
    parse_memory_mb: int = Field(3072, ge=512, description="address space of the process that reads a file")
    max_pages: int = Field(2000, ge=1, description="of a PDF, or slides of a presentation")
    max_inflated_mb: int = Field(300, ge=1, description="what a docx, pptx or xlsx may unpack to")
    min_free_mb: int = Field(200, ge=0, description="free space in the data folder under which nothing is indexed")
    watch_seconds: float = Field(30.0, ge=0, description="how often folders are looked at for changes; 0: never")
    folder_roots: str = Field(
        "", description="folders kept in step lie under one of these (a:b); none: anywhere, through loopback only"
    )

    database_url: str | None = Field(None, description="SQLAlchemy URL; none: SQLite in the data folder")
    chroma_url: str | None = Field(None, description="http://host:port of a Chroma server; none: in the data folder")

    base_model: str = Field(
        "qwen2.5-coder-0.5b",
        description="a base of core/llm/catalogue.yaml (smollm2: the small one), a folder, or a Hugging Face id",
    )
    models_dir: Path | None = Field(
        None, description="a folder that holds the catalogue's files under their names; looked at before any download"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    quantization: Literal["auto", "none", "nf4"] = Field("auto", description="auto: nf4 on a GPU, none on a CPU")
    engine: Literal["auto", "openvino", "transformers"] = Field(
        "auto", description="what runs the local model; auto: OpenVINO on a CPU that passes its test, else transformers"
    )
    embedding_model: str = Field("minilm", description="minilm (packaged), a folder, or a sentence-transformers id")
    offline: bool = Field(False, description="forbid downloads of models: no packages of the catalogue, no model hub")

    server_url: str | None = Field(None, description="an OpenAI-compatible server, for models named server/<model>")
    server_api_key: SecretStr | None = None
    prompt_model: str = Field("base", description="base, an adapter's name, or server/<model>")
    rag_model: str = "base"
    reader: str = Field(
        "auto",
        description="adapter that answers from documents; auto: the shipped one where it fits the base; empty: none",
    )
    tuned_model: str | None = Field(None, description="none: the adapter that bears the pack's name")

    floor: float = Field(0.7, ge=0, le=1, description="golden score under which a strategy may not serve a task")
    serve_unmeasured: bool = Field(False, description="let unmeasured strategies answer, with a warning")

    review_quorum: int = Field(
        1, ge=1, le=20,
        description="reviewers who must agree; 1: any one decides; from 2 on, whoever wrote the correction does not count",
    )  # fmt: skip

    @field_validator("data_dir", "domain", "adapters_dir")
    @classmethod
    def absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @field_validator("models_dir", mode="before")
    @classmethod
    def unset(cls, path: object) -> object:
        return path or None  # docker-compose passes an empty text where nothing is set

    @field_validator("models_dir")
    @classmethod
    def absolute_if_set(cls, path: Path | None) -> Path | None:
        return path.expanduser().resolve() if path else None

    @field_validator("server_url", "chroma_url")
    @classmethod
    def http(cls, url: str | None) -> str | None:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no URL; write http://host:port")
        return url or None

    @model_validator(mode="after")
    def safe(self) -> Settings:
        key = self.api_key.get_secret_value() if self.api_key else ""
        if key and (len(key) < MIN_KEY_LENGTH or len(set(key)) < MIN_KEY_SIGNS):
            raise ValueError(
                f"TRIVIUM_API_KEY is too weak: take at least {MIN_KEY_LENGTH} characters, not all alike (openssl rand -hex 24)"
            )
        if not key and not is_loopback(self.host):
            raise ValueError(
                f"TRIVIUM_HOST={self.host} is reachable from outside: set TRIVIUM_API_KEY too, or keep 127.0.0.1"
            )
        for name in ("prompt_model", "rag_model", "tuned_model"):
            model = getattr(self, name) or ""
            if model.startswith("server/") and not self.server_url:
                raise ValueError(f"TRIVIUM_{name.upper()}={model} needs TRIVIUM_SERVER_URL")
        return self

    @property
    def needs_hub(self) -> bool:
        """Whether a model may have to come from a hub: it is neither packaged, nor a folder, nor here already."""
        from core.llm.base_weights import at_hand

        embedding = self.embedding_model == "minilm" or Path(self.embedding_model).expanduser().is_dir()
        return not (embedding and at_hand(self))

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'trivium.db'}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` win over the environment.

    Raises:
        SettingsError: one line per wrong or unsafe value, each with the name of its variable.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = "TRIVIUM_" + str(problem["loc"][0]).upper() if problem["loc"] else ""
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {message}" if name else message)
        raise SettingsError("; ".join(lines)) from None
