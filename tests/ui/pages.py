"""The pages under Streamlit's own test runner."""

from __future__ import annotations

import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.waiting import PATIENCE


def chat() -> AppTest:
    return AppTest.from_file("../../ui/main.py", default_timeout=120)


def only(name: str) -> AppTest:
    """One page alone, as the navigation would run it."""
    return AppTest.from_string(
        f"from ui import {name}\nfrom ui.gate import guarded\nguarded({name}.page, {name!r} == 'compare')()",
        default_timeout=120,
    )


def until(at: AppTest, seen: Callable[[AppTest], bool]) -> AppTest:
    """Run again, as the page's own clock would, until the page shows what is waited for."""
    deadline = time.monotonic() + PATIENCE
    while not seen(at):
        assert time.monotonic() < deadline, f"not seen; the page says: {text(at)}"
        time.sleep(0.05)
        at.run()
    assert not at.exception
    return at


def text(at: AppTest) -> str:
    """All that the page says, without Markdown's backslashes."""
    kinds = (at.title, at.markdown, at.caption, at.info, at.warning, at.error, at.success, at.code)
    said = [element.value for kind in kinds for element in kind]
    labels = [element.label for element in at.expander] + [button.label for button in at.button]
    labels += [element.label for element in at.checkbox]
    cells = [str(cell) for table in at.table for cell in table.value.to_numpy().flatten()]
    return "\n".join([*said, *labels, *cells]).replace("\\", "")


def button(at: AppTest, label: str) -> None:
    """Press the button that is called so."""
    found = [b for b in at.button if b.label.replace("\\", "") == label]
    assert found, f"no button {label!r}; there are {[b.label for b in at.button]}"
    found[-1].click().run()
    assert not at.exception
