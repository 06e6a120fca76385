"""reStructuredText, AsciiDoc, notebooks and mails are read, and what of them is not is said."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from core.errors import DocumentError
from retrieval.documents import read_here
from retrieval.reader import Reader

RST = """..
  A comment, nowhere to be seen.

####
Kiln
####

Fire it at :ref:`the limit <limit>`, see `the site <https://a.b>`_ and :py:func:`~kiln.fire`.

Limits
======

.. warning:: Never open it
   while it glows.

.. code-block:: console
   :linenos:

   $ kiln fire --to 980 \\
       --hold 20

.. confval:: hold_minutes
   :default: 20

   How long it holds.

========  =====
Glaze     Cone
========  =====
celadon   10
raku      06
========  =====

.. unheard:: of
   :strange: yes

   Its text.

.. include:: /etc/hostname
"""
ADOC = """= Kiln
Ann Doe <ann@a.b>
v2.1, 2024-05-01
:top: 980

Never over {top} degrees, see xref:a.adoc[the limits] and https://a.b[the site].

== Limits
// nowhere to be seen

[cols="1,1,1", options="header"]
|===
|Glaze |Cone |Hours

|celadon
|10
|9

.2+|raku |06 |2
|05 |3
|===

[source,bash]
----
kiln fire --to 980 \\
  --hold 20
----

[WARNING]
====
Never open it.
====

hold_minutes:: How long it holds.
Defaults to 20.

include::secret.adoc[]
"""


def read(tmp_path: Path, name: str, content: str | bytes) -> tuple[str, list[str], list[str]]:
    """The text, the headings and what was noted."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    noted: list[str] = []
    found = read_here(path, name, note=noted.append)
    return "\n".join(one.text for one in found), [one.heading for one in found], noted


def test_restructured_text_is_read(tmp_path: Path):
    text, headings, noted = read(tmp_path, "a.rst", RST)
    assert headings == ["Kiln", "Kiln > Limits"]
    assert text.startswith("Fire it at the limit, see the site and `kiln.fire`.")
    assert "Warning: Never open it while it glows." in text
    assert "```console\n$ kiln fire --to 980 \\\n    --hold 20\n```" in text
    assert "hold_minutes: How long it holds." in text
    assert "Default: 20." in text
    assert "Glaze: raku; Cone: 06." in text
    assert "of: Its text." in text
    assert "comment" not in text
    assert noted == ["/etc/hostname is included by it, and is read only as a file of its own"]


def test_asciidoc_is_read(tmp_path: Path):
    text, headings, noted = read(tmp_path, "a.adoc", ADOC)
    assert headings == ["Kiln", "Kiln > Limits"]
    assert text.startswith("Version: v2.1, 2024-05-01.\n\nNever over 980 degrees, see the limits and the site.")
    assert "Glaze: celadon; Cone: 10; Hours: 9." in text
    assert "Glaze: raku; Cone: 06; Hours: 2.\nGlaze: raku; Cone: 05; Hours: 3." in text
    assert "```bash\nkiln fire --to 980 \\\n  --hold 20\n```" in text
    assert "Warning: Never open it." in text
    assert "hold_minutes: How long it holds. Defaults to 20." in text
    assert "nowhere" not in text
    assert [note.split()[0] for note in noted] == ["secret.adoc"]


def test_a_notebook_is_read_with_what_it_printed(tmp_path: Path):
    printed = {"output_type": "stream", "name": "stdout", "text": [f"row {n}\n" for n in range(100)]}
    picture = {"output_type": "display_data", "data": {"image/png": "aa"}}
    cells = [
        {"cell_type": "markdown", "source": ["# Sales\n", "\n", "The horizon is [14 days](x)."]},
        {"cell_type": "code", "source": "for x in y:\n    print(x)", "outputs": [printed, picture]},
    ]
    book = {"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": cells}
    text, headings, noted = read(tmp_path, "a.ipynb", json.dumps(book))
    assert set(headings) == {"Sales"}
    assert text.startswith("The horizon is 14 days.\n\n```python\nfor x in y:\n    print(x)\n```\n\n```output\nrow 0\n")
    assert "row 50" not in text
    assert noted == ["1 outputs of its code are no text"]


def test_a_mail_is_read_and_its_attachments_are_named(tmp_path: Path):
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["Date"] = "Übergabe", "Ann <ann@a.b>", "Mon, 06 May 2024 10:00:00 +0200"
    mail.set_content("The store closes at 18:00.\n")
    mail.add_alternative("<p>The store closes at <b>18:00</b>.</p>", subtype="html")
    mail.add_attachment(b"x", maintype="application", subtype="pdf", filename="plan.pdf")
    text, headings, noted = read(tmp_path, "a.eml", bytes(mail))
    assert headings == ["Übergabe"]
    assert "From: Ann <ann@a.b>; Date: 2024-05-06 10:00." in text
    assert text.count("The store closes at 18:00.") == 1
    assert "Attachments that are not read: plan.pdf." in text
    assert noted == ["the attachment plan.pdf is not read; save it as a file of its own"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.ipynb", "{no json"), ("b.ipynb", "[1]"), ("a.eml", "no mail at all")]
)
def test_what_is_not_what_it_says_is_refused_with_advice(tmp_path: Path, name: str, content: str):
    with pytest.raises(DocumentError, match="damaged; save it again"):
        read(tmp_path, name, content)


def test_they_are_read_in_the_process_of_their_own(tmp_path: Path):
    (tmp_path / "a.rst").write_text(RST)
    reader = Reader()
    try:
        assert [one.heading for one in reader.read(tmp_path / "a.rst", "a.rst")] == ["Kiln", "Kiln > Limits"]
    finally:
        reader.close()
