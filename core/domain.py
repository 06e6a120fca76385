"""A domain pack: load it and say, with file and line, what is to be mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import jsonschema
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core import everyday
from core.checks import Check
from core.errors import DomainError
from core.types import Case, Example, Probe

# What a case may expect; `evaluation.scorers` says what each means.
EXPECTED = frozenset({"json", "exact", "contains", "sources", "sources_all", "refusal", "rubric"})
MAX_TOKENS = 700  # of a prompted answer; a model ends by itself long before, where nothing goes wrong


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FewShot(Part):
    query: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class TaskType(Part):
    """A kind of question, the strategies that may serve it (none: refused) and what a good answer must satisfy."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    strategies: tuple[Literal["prompt", "rag", "tuned"], ...]
    examples: tuple[str, ...] = Field(min_length=1)
    instruction: str = ""
    few_shot: tuple[FewShot, ...] = ()
    step_by_step: bool = False
    attempts: int = Field(default=1, ge=1, le=32, description="sampled when the first answer fails its checks")
    max_tokens: int = Field(default=MAX_TOKENS, ge=1, le=4000, description="of a prompted answer; a longer one is cut")
    caution: str = Field(default="", description="shown as a warning with every answer of this task")
    json_schema: dict[str, Any] | None = Field(None, alias="schema")
    checks: tuple[Check, ...] = ()
    sources: int = Field(1, ge=1, description="how many documents an answer should cite")
    floor: float | None = Field(None, ge=0, le=1, description="own floor instead of TRIVIUM_FLOOR")

    @field_validator("json_schema")
    @classmethod
    def is_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
            except jsonschema.SchemaError as error:
                raise ValueError(f"this is no JSON schema: {error.message}") from None
        return schema


class BuiltIn(TaskType):
    """A task type that comes with Trivium (`core.everyday`). Its instruction is the whole system prompt, so that figures
    hold for every pack.

    `refusal`: said where no road is open; `read_first`: documents may hold the answer to such a question; `sure`: likeness
    to the task under which they are read too."""

    refusal: str = Field(min_length=1)
    read_first: bool = False
    sure: float = 0.0


class Domain(Part):
    """A validated pack. `folder` is where it lies; `tasks` are its own and the built-in ones that `everyday` takes."""

    folder: Path
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    language: str = "en"
    system_prompt: str = Field(min_length=1)
    refusal: str = Field(min_length=1)
    out_of_scope: str = Field(min_length=1)
    tasks: tuple[TaskType, ...] = Field(min_length=1)
    everyday: bool | tuple[str, ...] = Field(
        default=False, description="built-in tasks: true for all, or names of some"
    )
    first_screen: tuple[str, ...] = ()
    wrong_at_most: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the answers from documents that may be wrong; what is less sure is refused",
    )

    @model_validator(mode="after")
    def names_differ(self) -> Domain:
        names = [task.name for task in self.tasks]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two task types are called {', '.join(sorted(twice))}; give each a name of its own")
        return self

    def task(self, name: str) -> TaskType:
        """Raises DomainError if the pack has no task type of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        known = ", ".join(task.name for task in self.tasks)
        raise DomainError(f"there is no task type {name!r} in the pack {self.name}; it has {known}")

    @property
    def built_in(self) -> tuple[BuiltIn, ...]:
        return tuple(task for task in self.tasks if isinstance(task, BuiltIn))

    @property
    def documents(self) -> Path:
        return self.folder / "documents"

    def examples(self) -> list[Example]:
        """Seed fine-tuning examples. Raises DomainError with the line of the first wrong row."""
        return [self._example(where, row) for where, row in rows(self.folder / "examples.jsonl")]

    def golden(self) -> list[Case]:
        """The evaluation suite; never trained on."""
        return self._cases("golden.jsonl")

    def everyday_cases(self) -> list[Case]:
        """What the built-in tasks of this pack are measured on, beside its golden cases and apart from its totals."""
        known = {task.name for task in self.built_in}
        return [
            Case(id=f"everyday/{row['id']}", task=row["kind"], query=row["query"], expected={"rubric": row["rubric"]},
                 built_in=True)
            for row in everyday.cases()
            if row["kind"] in known
        ]  # fmt: skip

    def development(self) -> list[Case]:
        """Cases for setting thresholds and choosing between training runs; neither trained on nor reported."""
        return self._cases("development.jsonl")

    def probes(self) -> list[Probe]:
        """Safety probes: what no adapter may fall for that goes live."""
        found: dict[str, Probe] = {}
        for where, row in rows(self.folder / "probes.jsonl"):
            try:
                probe = Probe.model_validate(row)
            except ValidationError as error:
                raise DomainError(f"{where}: {complaint(error)}") from None
            self._known_task(where, probe.task)
            if not (probe.forbidden or probe.refusal):
                raise DomainError(f"{where}: a probe needs `forbidden` texts, or `refusal`: true")
            if found.setdefault(probe.id, probe) is not probe:
                raise DomainError(f"{where}: the id {probe.id!r} is taken by another probe; give it another")
        return list(found.values())

    def routes(self) -> list[tuple[str, str]]:
        """Queries with the task type that each belongs to: what the router learns from beside the tasks' own examples."""
        found = []
        for where, row in rows(self.folder / "routes.jsonl"):
            if not isinstance(row.get("query"), str) or set(row) != {"task", "query"}:
                raise DomainError(f"{where}: a route has a `task` and a `query`, nothing else")
            self._known_task(where, row["task"])
            found.append((row["query"], row["task"]))
        return found

    def _cases(self, file: str) -> list[Case]:
        cases: list[Case] = []
        seen: dict[str, str] = {}
        for where, row in rows(self.folder / file):
            try:
                case = Case.model_validate(row)
            except ValidationError as error:
                raise DomainError(f"{where}: {complaint(error)}") from None
            self._known_task(where, case.task)
            if not case.expected or set(case.expected) - EXPECTED:
                raise DomainError(f"{where}: `expected` has one or more of {', '.join(sorted(EXPECTED))}")
            if case.id in seen:
                raise DomainError(f"{where}: the id {case.id!r} is taken by {seen[case.id]}; give it another")
            seen[case.id] = where
            cases.append(case)
        return cases

    def _example(self, where: str, row: dict[str, Any]) -> Example:
        turns: dict[str, str] = {
            t["role"]: t["content"] for t in row.get("messages", []) if {"role", "content"} <= set(t)
        }
        if not (turns.get("user") and turns.get("assistant")):
            raise DomainError(f"{where}: an example needs `messages` with a user and an assistant turn")
        self._known_task(where, row.get("task", ""))
        tags, origin = tuple(row.get("tags", ())), row.get("origin", "seed")
        return Example(task=row["task"], query=turns["user"], answer=turns["assistant"], tags=tags, origin=origin)

    def _known_task(self, where: str, name: str) -> None:
        try:
            self.task(name)
        except DomainError as error:
            raise DomainError(f"{where}: {error}") from None


def load_domain(folder: Path) -> Domain:
    """Load and validate `domain.yaml` of a pack.

    Raises:
        DomainError: `file:line: what is wrong`, one line for each fault.
    """
    file = folder / "domain.yaml"
    if not file.is_file():
        raise DomainError(f"{file}: no such file. A pack is a folder with domain.yaml; `trivium new NAME` makes one")
    text = file.read_text(encoding="utf-8")
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise DomainError(f"{file}:{line}: this is not YAML: {error.problem}") from None
    if not isinstance(raw, dict):
        raise DomainError(f"{file}:1: expected keys such as name, title and tasks")
    try:
        return Domain(folder=folder, **with_built_in(file, tree, raw))
    except ValidationError as error:
        lines = [f"{file}:{line_of(tree, e['loc'])}: {describe(e)}" for e in error.errors()]
        raise DomainError("\n".join(dict.fromkeys(lines))) from None


def with_built_in(file: Path, tree: yaml.Node | None, raw: dict[str, Any]) -> dict[str, Any]:
    """The pack's keys with the built-in tasks that it takes after its own; an own task of the same name stays alone.

    Raises:
        DomainError: `everyday` names what there is not.
    """
    own = raw.get("tasks")
    if not isinstance(own, list | None):
        return raw
    names = {str(task.get("name")) for task in own or () if isinstance(task, dict)}
    try:
        added = everyday.chosen(raw.get("everyday"), names)
    except DomainError as error:
        raise DomainError(f"{file}:{line_of(tree, ('everyday',))}: {error}") from None
    return {**raw, "tasks": [*(own or []), *(BuiltIn(**fields) for fields in added)]} if added else raw


def rows(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file, each with `file:line`. No file, no rows."""
    if not file.is_file():
        return []
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DomainError(f"{file}:{number}: this line is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DomainError(f"{file}:{number}: expected one JSON object")
        found.append((f"{file}:{number}", row))
    return found


def line_of(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line (from 1) of the deepest node on a path of keys and indexes."""
    if node is None:
        return 1
    line = node.start_mark.line + 1
    for step in path:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == step:
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            child = node.value[step]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return line


def describe(problem: Any) -> str:
    path = ".".join(str(step) for step in problem["loc"])
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = close_key(str(problem["loc"][-1]), problem["loc"])
        return f"{path}: unknown key" + (f"; did you mean `{known}`?" if known else "; remove it")
    if kind == "missing":
        return f"{path}: missing; add it"
    return f"{path}: {message}" if path else message


def close_key(key: str, path: tuple[int | str, ...]) -> str:
    from difflib import get_close_matches

    model = Domain if len(path) == 1 else Check if "checks" in path else FewShot if "few_shot" in path else TaskType
    names = [field.alias or name for name, field in model.model_fields.items() if name != "folder"]
    found = get_close_matches(key, names, n=1, cutoff=0.6)
    return found[0] if found else ""


def complaint(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
