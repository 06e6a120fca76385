"""Change logs, upgrade notes, examples and archived pages come after the page that states the rule, unless they are asked for."""

from __future__ import annotations

import pytest

from core.types import Passage
from retrieval.prior import LESS, kind, less
from tests.retrieval.conftest import Desk


@pytest.mark.parametrize(
    ("source", "heading", "found"),
    [
        ("CHANGELOG.md", "", "changes"),
        ("docs/releaseNotes-2.4.md", "", "changes"),
        ("docs/upgrading-from-version-2-to-version-3.md", "", "upgrade"),
        ("080_examples.rst", "", "example"),
        ("archive/2019/leave.md", "", "archive"),
        ("guide.md", "Quota > Examples", "example"),
        ("guide.md", "How to migrate a large database", ""),
        ("lock/old-locks-are-present.md", "Old locks are present", ""),
        ("leave.md", "Leave", ""),
    ],
)
def test_it_is_told_by_the_names(source: str, heading: str, found: str):
    assert kind(source, heading) == found


def test_what_is_asked_for_counts_in_full():
    passages = [Passage(id=name, source=name, text="x") for name in ("rule.md", "CHANGELOG.md", "archive/rule.md")]
    assert less("What is the limit?", passages).tolist() == [0.0, LESS, LESS]
    assert less("What changed in the limit?", passages).tolist() == [0.0, 0.0, LESS]
    assert less("What was the limit before?", passages).tolist() == [0.0, LESS, 0.0]


@pytest.mark.model
def test_the_rule_comes_before_its_change_log(desk: Desk):
    desk.write("CHANGELOG.md", "# Desk\n\n- The upload limit is now 20 MB for each file.\n")
    desk.write("limits.md", "# Desk\n\nThe limit for the upload of a file is 50 MB.\n")
    desk.write("other.md", "# Other\n\nPlants need water.\n")
    desk.ingest.sync(desk.folder)
    first = desk.retriever().passages("What is the upload limit for each file?")[0]
    assert first.source == "limits.md"
    first = desk.retriever().passages("What changed about the upload limit for each file?")[0]
    assert first.source == "CHANGELOG.md"
