"""Which of several versions of a document is in force."""

from __future__ import annotations

import pytest

from retrieval.standing import out_of_force


@pytest.mark.parametrize(
    ("documents", "gone"),
    [
        ({"fees-2023.md": "Fees", "fees-2025.md": "Fees"}, {"fees-2023.md"}),
        ({"policy v1.docx": "Policy", "policy v2.docx": "Policy"}, {"policy v1.docx"}),
        ({"loans-draft.md": "Loans", "loans.md": "Loans"}, {"loans-draft.md"}),
        ({"archive/loans.md": "Loans", "loans.md": "Loans"}, {"archive/loans.md"}),
        ({"a.md": "Parking\nThis policy has been replaced by the rules of May.", "b.md": "Parking"}, {"a.md"}),
        ({"a.md": "Parking (superseded)\nA permit costs 10 euros.", "b.md": "Parking"}, {"a.md"}),
        ({"b.md": "Parking\nThis page replaces the rules of 2019."}, set()),
        ({"a.md": "Rules\nThis version supersedes version 1.", "old-town.md": "Old friends are welcome"}, set()),
        ({"fees_old.md": "Fees", "fees.md": "Fees"}, {"fees_old.md"}),
        ({"report-2023.md": "Report", "budget-2025.md": "Budget"}, set()),
        ({"gold-rules.md": "Rules", "rules.md": "Rules\nDrafts are kept for a week."}, set()),
    ],
)
def test_names_and_beginnings_say_what_is_in_force(documents, gone):
    assert set(out_of_force(list(documents), documents)) == gone


def test_the_reason_is_named():
    assert out_of_force(["fees-2023.md", "fees-2025.md"], {})["fees-2023.md"] == "“fees-2025.md” is newer"
