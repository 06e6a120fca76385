"""A training recipe: every choice of a run, in one validated file. The same file trains on a GPU and on a CPU."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import SettingsError

MOST_EPOCHS = 100


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(
        "qwen2.5-coder-0.5b",
        min_length=1,
        description="a base of core/llm/catalogue.yaml, a folder, or a Hugging Face id",
    )
    r: int = Field(16, ge=1, le=256, description="rank of the adapter")
    alpha: int | None = Field(None, ge=1, description="scale of the adapter; none: twice r")
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(2e-4, gt=0, le=0.1)
    epochs: float = Field(3, gt=0, le=MOST_EPOCHS)
    fewest_steps: int = Field(
        0,
        ge=0,
        le=10_000,
        description="steps on examples at least: a small set is gone over more often than `epochs` says",
    )
    batch_size: int = Field(16, ge=1, description="rows per device and step")
    gradient_accumulation: int = Field(1, ge=1)
    max_length: int = Field(512, ge=8, description="tokens; a longer row is left out and counted in the card")
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    scheduler: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    weight_decay: float = Field(0.0, ge=0, le=1)
    max_grad_norm: float = Field(1.0, gt=0)
    seed: int = Field(7, ge=0)
    precision: Literal["bf16", "fp32"] = Field(
        "bf16", description="bf16: where it is fast, which is on a GPU and on a CPU with instructions for it; else fp32"
    )
    quantization: Literal["auto", "none", "nf4"] = Field("auto", description="auto: nf4 on a GPU, none on a CPU")
    optimizer: Literal["auto", "adamw_torch", "paged_adamw_8bit", "paged_adamw_32bit"] = Field(
        "auto", description="auto: paged_adamw_8bit with nf4 on a GPU, else adamw_torch"
    )
    packing: bool = Field(False, description="several rows in one sequence; they do not see each other")
    group_by_length: bool = Field(
        False, description="rows of like length in one batch: less padding, less mixed batches"
    )
    gradient_checkpointing: bool = Field(False, description="less memory, about a third more time")
    start: str = Field(
        "base",
        min_length=1,
        description="base: a new adapter; live: go on from the one that serves; or an adapter's name",
    )
    back: float = Field(
        0.0, ge=0, lt=1, description="share of the way that the result goes back to the adapter it went on from"
    )
    warm: dict[str, Any] = Field(
        {}, description="values that hold instead where training goes on from an adapter, which wants smaller steps"
    )
    beta: float = Field(
        0.1, gt=0, le=10, description="preferences: the higher, the nearer the adapter stays to its start"
    )
    preference_rate: float = Field(5e-5, gt=0, le=0.1, description="learning rate on preferences")
    preference_epochs: float = Field(1, gt=0, le=MOST_EPOCHS)

    @property
    def lora_alpha(self) -> int:
        return self.alpha or 2 * self.r

    @field_validator("warm")
    @classmethod
    def known_values(cls, warm: dict[str, Any]) -> dict[str, Any]:
        if "warm" in warm or "start" in warm:
            raise ValueError("it cannot hold warm or start")
        cls.model_validate(warm)
        return warm

    def warmed(self) -> Recipe:
        """As it is where training goes on from an adapter."""
        return self.changed(**self.warm, warm={})

    def quantized(self, cuda: bool) -> bool:
        return self.quantization == "nf4" or (self.quantization == "auto" and cuda)

    def optim(self, cuda: bool) -> str:
        if self.optimizer != "auto":
            return self.optimizer
        return "paged_adamw_8bit" if cuda and self.quantized(cuda) else "adamw_torch"

    def for_rows(self, rows: int) -> Recipe:
        """With as many epochs as `fewest_steps` wants of so many rows, which only ever adds some."""
        batches = math.ceil(rows / (self.batch_size * self.gradient_accumulation))
        if not rows or batches * self.epochs >= self.fewest_steps:
            return self
        return self.changed(epochs=min(MOST_EPOCHS, math.ceil(self.fewest_steps / batches)))

    def in_parts(self, rows: int) -> Recipe:
        """The same steps with at most `rows` rows at a time, where they divide the batch: less memory, nearly the same result."""
        if self.batch_size <= rows or self.batch_size % rows:
            return self
        parts = self.batch_size // rows
        return self.model_copy(update={"batch_size": rows, "gradient_accumulation": self.gradient_accumulation * parts})

    def changed(self, **values: Any) -> Recipe:
        """The recipe with other values. Raises SettingsError that names the wrong field."""
        return make_recipe({**self.model_dump(), **values})


def make_recipe(values: dict[str, Any], where: str = "recipe") -> Recipe:
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        lines = [f"{where}: {problem_text(problem)}" for problem in error.errors()]
        raise SettingsError("\n".join(dict.fromkeys(lines))) from None


def load_recipe(file: Path) -> Recipe:
    """Read a recipe.

    Raises:
        SettingsError: no such file, not YAML, or one line for each wrong field.
    """
    if not file.is_file():
        raise SettingsError(f"{file}: no such file; finetune/recipes holds one to start from")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: this is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{file}: expected keys such as base, r and learning_rate")
    return make_recipe(values, str(file))


def problem_text(problem: Any) -> str:
    field = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{field}: there is no such field; known are {', '.join(Recipe.model_fields)}"
    given = repr(problem["input"])
    return f"{field}: {problem['msg']} (given: {given[:60]})"
