"""The model catalogue, `catalogue.yaml` beside this file: the bases that Trivium knows by name."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

FILE = Path(__file__).with_name("catalogue.yaml")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Folder(Entry):
    """A folder of the user's that holds the file under its name."""

    folder: Literal["TRIVIUM_MODELS_DIR"]

    @property
    def title(self) -> str:
        return self.folder


class Installed(Entry):
    """An installed package whose folder holds the file; `installed` is its name for Python, `package` for pip."""

    installed: str
    package: str

    @property
    def title(self) -> str:
        return f"package {self.package}"


class Wheel(Entry):
    """One piece of the file, as a member of a wheel. `bytes` are the member's, `sha256` is the wheel's."""

    package: str
    version: str
    member: str
    bytes: int = Field(gt=0)
    sha256: Sha256


class Wheels(Entry):
    """The file in pieces, in their order."""

    wheels: tuple[Wheel, ...] = Field(min_length=1)

    @property
    def title(self) -> str:
        first, last = self.wheels[0].package, self.wheels[-1].package
        return f"packages {first} to {last}" if len(self.wheels) > 1 else f"package {first}"


class Hub(Entry):
    """A repository of Hugging Face's that holds the file under its name. `revision`: a branch, a tag or a commit."""

    hub: str
    revision: str

    @property
    def title(self) -> str:
        return f"hub {self.hub}"


Source = Folder | Installed | Wheels | Hub


class Base(Entry):
    """`bytes` and `sha256` are the file's. `tied`: one matrix reads and scores tokens, even if the file has it twice."""

    name: FileName
    title: str
    license: str
    format: str
    file: FileName
    bytes: int = Field(gt=0)
    sha256: Sha256
    chat_template: str = Field(description="in the file, or the name of one")
    tied: bool
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def whole(self) -> Base:
        for source in self.sources:
            if isinstance(source, Wheels) and sum(wheel.bytes for wheel in source.wheels) != self.bytes:
                raise ValueError(f"{self.name}: the pieces of {source.title} do not add up to {self.bytes:,} bytes")
        return self


@functools.cache
def catalogue() -> dict[str, Base]:
    """All bases by name."""
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    bases = TypeAdapter(list[Base]).validate_python([{"name": name, **entry} for name, entry in raw.items()])
    return {base.name: base for base in bases}
