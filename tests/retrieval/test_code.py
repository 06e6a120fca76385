"""Code blocks keep their white space and their lead, and what is quoted from them is whole and in force."""

from __future__ import annotations

import pytest

from retrieval.documents import split
from retrieval.sentences import Piece, pieces
from tests.retrieval.conftest import Desk

PRESS = """# Press

## Calibrate

Log in as `fitter` first. Then calibrate both rams:

```sh
# calibrate both rams
pressctl calibrate --all \\
    --force 40kN \\
    --report /var/press
```

It takes six minutes.

## Settings

~~~yaml
# idle_minutes: 90  (before the refit, do not use)
idle_minutes: 25
shift:
    start: "06:00"
    end: "14:00"
~~~

1. Stop the feed:

   ```ini
   ; speed = 9
   [feed]
   speed = 3
   ```

2. Go home.
"""


def passage(text: str) -> list[Piece]:
    (found,) = split("a.md", [(None, text)])
    cut = pieces(found.text)
    assert all(found.text[one.start : one.end] == one.text for one in cut)
    return cut


def texts(text: str) -> list[str]:
    return [one.text for one in passage(text)]


def test_white_space_is_kept_and_an_indented_block_is_taken_out_of_its_list():
    calibrate, settings = split("press.md", [(None, PRESS)])
    assert (
        "calibrate both rams:\n\n```sh\n# calibrate both rams\npressctl calibrate --all \\\n    --force"
        in calibrate.text
    )
    assert 'shift:\n    start: "06:00"\n    end: "14:00"\n' in settings.text
    assert "1. Stop the feed:\n\n```ini\n; speed = 9\n[feed]\nspeed = 3\n```" in settings.text


def test_a_block_stays_with_the_sentence_that_introduces_it():
    before = "The press is old and loud. " * 24
    block = "\n".join(f"step_{n} = {n}" for n in range(20))
    found = split("a.md", [(None, f"# A\n\n{before}\n\nSet these values in this order:\n\n```ini\n{block}\n```\n")])
    (whole,) = [one for one in found if "step_0" in one.text]
    assert whole.text == f"Set these values in this order:\n\n```ini\n{block}\n```"


def test_a_block_that_is_too_long_is_cut_between_commands():
    command = "pressctl set \\\n    --slot {n} \\\n    --value {n}"
    block = "\n".join(command.format(n=n) for n in range(60))
    found = split("a.md", [(None, f"# A\n\n```bash\n{block}\n```")])
    assert len(found) > 2
    for one in found:
        assert one.text.startswith("```bash\npressctl set")
        assert one.text.endswith("\n```")
        assert len(one.text) <= 800
        assert one.text.count("pressctl") == one.text.count("--value")


def test_a_command_is_one_unit_with_all_its_lines():
    calibrate = split("press.md", [(None, PRESS)])[0].text
    (command,) = [one for one in pieces(calibrate) if "pressctl" in one.text]
    assert command.text == "pressctl calibrate --all \\\n    --force 40kN \\\n    --report /var/press"
    assert command.lead == "calibrate both rams"


def test_a_comment_is_no_value_and_a_setting_knows_what_it_stands_under():
    settings = pieces(split("press.md", [(None, PRESS)])[1].text)
    found = {one.text: one.lead for one in settings}
    assert "idle_minutes: 25" in found
    assert not any("90" in one.text or "speed = 9" in one.text for one in settings)
    assert "shift" in found['start: "06:00"']
    assert found["speed = 3"] == "Stop the feed: feed"


@pytest.mark.parametrize(
    ("info", "comment"),
    [("sql", "-- limit 9"), ("js", "// limit = 9"), ("toml", "#limit = 9"), ("ini", ";limit=9"), ("", "# limit = 9")],
)
def test_comments_of_every_kind_are_left_out(info: str, comment: str):
    assert texts(f"```{info}\n{comment}\nlimit = 4\n```") == ["limit = 4"]


def test_an_option_is_no_comment():
    assert "--depth 3" in "\n".join(texts("```text\n--depth 3\n```"))


def test_what_is_typed_at_a_prompt_is_quoted_without_it_and_with_what_it_prints():
    found = texts("Ask it:\n\n```console\n$ pressctl status\nready, 40 kN\n$ pressctl stop\n```")
    assert found == ["Ask it:", "pressctl status", "pressctl status\nready, 40 kN", "pressctl stop"]


def test_a_request_over_several_lines_is_one_unit():
    found = texts("```bash\ncurl http://press/limits -d '{\n  \"force\": 40\n}'\n```")
    assert found == ["curl http://press/limits -d '{\n  \"force\": 40\n}'"]


def test_a_definition_is_quoted_with_its_default():
    found = texts("The longest ram stroke, in millimetres. Defaults to 120. It is checked at start.")
    assert found == ["The longest ram stroke, in millimetres. Defaults to 120.", "It is checked at start."]
    wrapped = texts("- `stroke`: the longest ram stroke.\n  The default is 120.\n- `rest`: the pause.")
    assert wrapped[0] == "`stroke`: the longest ram stroke. The default is 120."


@pytest.mark.model
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (
            "Which command calibrates both rams?",
            "pressctl calibrate --all \\\n    --force 40kN \\\n    --report /var/press",
        ),
        ("What is idle_minutes set to?", "idle_minutes: 25"),
    ],
)
def test_the_whole_command_and_the_value_in_force_are_quoted(desk: Desk, query: str, answer: str):
    desk.write("press.md", PRESS)
    desk.ingest.sync(desk.folder)
    assert desk.find(query).quotes()[0].sentence == answer
