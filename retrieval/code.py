"""What says something by itself in a code block: a command with all of its lines, a setting with the names that it stands under.

A comment is never such a unit: it may hold a value that is no longer, or not yet, in force. What it explains is found by its
words, which lead to the line below it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Line = tuple[int, str]
# Start and end in the passage, and what leads to it.
Unit = tuple[int, int, str]

SHELL = frozenset(
    [
        "bash",
        "sh",
        "zsh",
        "shell",
        "console",
        "shell-session",
        "shellsession",
        "sh-session",
        "terminal",
        "ksh",
        "fish",
        "powershell",
        "ps1",
        "pwsh",
        "bat",
        "cmd",
    ]
)
SESSION = frozenset(["console", "shell-session", "shellsession", "sh-session", "terminal", "text"])
HASH_IS_CODE = re.compile(
    r"#(?:include|define|if|ifdef|ifndef|elif|else|endif|pragma|undef|error|import|region)\b|#\[|#!\["
)
COMMENT = re.compile(r"\s*(?:#(?!!/)|//|--(?=\s|$)|;|REM\b|rem\b|/\*|\*/|\*(?=\s|$)|<!--|'''|\"\"\"|%(?=\s))")
STYLES = frozenset(["css", "scss", "sass", "less"])
LISTS = re.compile(r"\*\s")
OPENS, CLOSES = ("/*", "<!--"), ("*/", "-->")
SET_ASIDE = re.compile(
    r"[\"'\w.\[\]-]+\s*[:=]\s*\S|.*\b(?:do not use|don't use|no longer|old value|deprecated|obsolete|disabled|previously)\b",
    re.IGNORECASE,
)
SECTION = re.compile(r"\s*\[{1,2}([\w .:\"'/@-]+)\]{1,2}\s*$")
KEY = re.compile(
    r"(?P<indent>\s*(?:- +)?)[\"']?(?P<key>[\w./@ -]{1,60}?)[\"']?\s*(?::(?=\s|$)|=)\s*(?P<value>.*?)\s*(?:#.*)?$"
)
PARENT = ("", "{", "[", "|", ">", "|-", ">-", "|+", ">+")
SCALAR = ("|", ">", "|-", ">-", "|+", ">+")
PROMPT = re.compile(r"\s*(?:\([\w.-]+\) )?(?:[\w.-]+@[\w.-]+[:~\w/ .-]*)?\$ +(?=\S)|PS [A-Z]:[^>]*> +(?=\S)")
CONTINUED = re.compile(r"\\\s*$")
SHELL_CONTINUED = re.compile(r"(?:&&|\|\|?|(?<=\s)`|(?<=\s)\^)\s*$")
HEREDOC = re.compile(r"<<[-~]?\s*([\"']?)(\w+)\1")
MAX_WHOLE = 700
MAX_LINES = 30


@dataclass
class Walk:
    """Where one is in a block: the settings above by their indentation, and what comments said since the last line of code."""

    path: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    aside: bool = False
    within: str = ""

    def lead(self, given: str) -> str:
        """What leads to a line: the comment above it, which says more of it than the sentence before the block, and its path."""
        path = " ".join(key for _, key in self.path)
        return " ".join(filter(None, [" ".join(self.notes) or given, path]))


def units(lines: Sequence[Line], info: str, lead: str = "") -> Iterator[Unit]:
    """The quotable units of a code block, in their order. `info`: what stands behind its opening fence; `lead`: the sentence
    that introduces the block."""
    language = (re.split(r"[\s{},:]+", info.strip("{}. ").lower()) or [""])[0]
    if any(PROMPT.match(line) for _, line in lines):
        yield from session(lines, lead)
        return
    walk, commands, at = Walk(), list[Unit](), 0
    while at < len(lines):
        start, line = lines[at]
        if not line.strip():
            walk.notes = []
        elif is_comment(line, language, walk):
            note(line, walk)
        elif found := SECTION.match(line):
            walk.path, walk.notes = [(-1, found[1])], []
        elif re.search(r"\w", line):
            count = reach(lines, at, language)
            last, text = lines[at + count - 1]
            begins = start + len(line) - len(line.lstrip())
            yield from setting(lines, at, count, walk, lead, begins, last + len(text.rstrip()), commands)
            walk.notes = []
            at += count
            continue
        at += 1
    if language in SHELL and len(commands) > 1 and not walk.aside and commands[-1][1] - commands[0][0] <= MAX_WHOLE:
        yield commands[0][0], commands[-1][1], lead


def session(lines: Sequence[Line], lead: str) -> Iterator[Unit]:
    """What was typed at a prompt, alone and with what it printed: what is printed says little without what printed it."""
    prompts = [n for n, (_, line) in enumerate(lines) if PROMPT.match(line)]
    notes: list[str] = []
    for at, after in zip(prompts, [*prompts[1:], len(lines)], strict=True):
        count = reach(lines, at, "sh-session")
        full = [n for n in range(at, after) if lines[n][1].strip()]
        found = PROMPT.match(lines[at][1])
        start = lines[at][0] + (found.end() if found else 0)
        typed = lines[at + count - 1]
        end, around = typed[0] + len(typed[1].rstrip()), " ".join(notes) or lead
        if lines[at][1][found.end() if found else 0 :].startswith("#"):
            notes = [lines[at][1].strip("$# ")]
            continue
        notes = []
        yield start, end, around
        last = lines[full[-1]]
        stop = last[0] + len(last[1].rstrip())
        if end < stop <= start + MAX_WHOLE:
            yield start, stop, around


def setting(
    lines: Sequence[Line], at: int, count: int, walk: Walk, lead: str, start: int, end: int, commands: list[Unit]
) -> Iterator[Unit]:
    """A line, or lines, of code as a unit. A key with nothing behind it is one with all that stands under it."""
    line = lines[at][1]
    key, depth = KEY.match(line), len(line) - len(line.lstrip())
    while walk.path and walk.path[-1][0] >= depth:
        walk.path.pop()
    around = walk.lead(lead)
    if key and key["value"] in PARENT and count == 1:
        under = [text for _, text in children(lines, at)]
        walk.path.append((depth, key["key"].strip()))
        last = at + len(under)
        stop = lines[last][0] + len(lines[last][1].rstrip())
        if under and stop - start <= MAX_WHOLE // 2 and not any(COMMENT.match(text) for text in under):
            yield start, stop, around
        return
    commands.append((start, end, around))
    yield start, end, around


def children(lines: Sequence[Line], at: int) -> list[Line]:
    """The lines below one that are indented further, or are the items of its list."""
    depth, found = indent(lines[at][1]), 0
    for n in range(at + 1, len(lines)):
        text = lines[n][1]
        if text.strip() and indent(text) <= depth and not (indent(text) == depth and text.lstrip().startswith("- ")):
            break
        found = n - at if text.strip() else found
    return list(lines[at + 1 : at + 1 + found])


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def is_comment(line: str, language: str, walk: Walk) -> bool:
    """Whether a line only comments. In a session of root, "# " is a prompt, which nothing but the other lines could tell: there
    too it counts as a comment."""
    stripped = line.strip()
    if walk.within:
        walk.within = "" if walk.within in stripped else walk.within
        return True
    for opens, closes in zip(OPENS, CLOSES, strict=True):
        if stripped.startswith(opens):
            walk.within = "" if closes in stripped else closes
            return True
    if HASH_IS_CODE.match(stripped) or (language in STYLES and stripped.startswith("#")):
        return False
    if language in ("", "text", "markdown", "md") and LISTS.match(stripped):
        return False
    return bool(COMMENT.match(line)) or stripped.startswith("#!")


def note(line: str, walk: Walk) -> None:
    """Keep what a comment explains. One that sets a value aside explains nothing."""
    said = line.strip().strip("#/*;-!<>' \"").strip()
    if SET_ASIDE.match(said):
        walk.aside = True
        walk.notes = []
    elif said:
        walk.notes.append(said)


def reach(lines: Sequence[Line], at: int, language: str) -> int:
    """How many lines a command or a value goes on for."""
    line = lines[at][1]
    if (key := KEY.match(line)) and key["value"] in SCALAR:
        return 1 + min(len(children(lines, at)), MAX_LINES)
    if (found := HEREDOC.search(line)) and language not in ("python", "cpp", "c"):
        ends = (n for n in range(at + 1, len(lines)) if lines[n][1].strip() == found[2])
        return next(ends, at) - at + 1
    if language == "sql":
        ends = (n for n in range(at, len(lines)) if lines[n][1].rstrip().endswith(";") or not lines[n][1].strip())
        end = next(ends, len(lines) - 1)
        return max(1, end - at + bool(lines[end][1].strip()))
    end = at
    while end + 1 < len(lines) and goes_on(lines[at : end + 1], language):
        end += 1
    return end - at + 1


def goes_on(lines: Sequence[Line], language: str) -> bool:
    last = lines[-1][1]
    if CONTINUED.search(last) or (language in SHELL and SHELL_CONTINUED.search(last)):
        return True
    if language in SHELL - SESSION and len(lines) <= MAX_LINES:
        return open_quote("\n".join(text for _, text in lines))
    return False


def open_quote(text: str) -> bool:
    """Whether a quotation mark of a command waits for its other half, as in the body of a request that is several lines long."""
    mark = ""
    for character in re.sub(r"\\.|(?<=\w)'(?=\w)|(?:^|(?<=\s))#.*", "", text, flags=re.MULTILINE):
        if character in "'\"" and mark in ("", character):
            mark = "" if mark else character
    return bool(mark)
