"""Mark-up is no text: what is for a program goes, what people read stays."""

from __future__ import annotations

import time

import pytest

from retrieval.documents import read_here
from retrieval.markup import plain


def said(text: str) -> str:
    return " ".join(plain(text).split())


def test_front_matter_gives_the_title_and_the_dates():
    found = plain("---\ntitle: Leave\nlast_reviewed_on: 2024-05-06\nlayout: page\ntags: [a, b]\n---\n\nTwenty days.\n")
    assert found == "# Leave\n\nLast reviewed on: 2024-05-06.\n\n\nTwenty days.\n"


def test_a_document_keeps_the_title_that_it_has():
    assert said('+++\ntitle = "Other"\ndraft = true\n+++\n# Leave\n\nText.') == "# Leave Draft: yes. Text."
    assert "Other" not in plain("---\ntitle: Other\n---\nLeave\n=====\n\nText.")


def test_a_rule_between_paragraphs_is_no_front_matter():
    assert plain("---\n\nOne.\n\n---\n\nTwo.") == "---\n\nOne.\n\n---\n\nTwo."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the *rules*](../r.md#a 'T') and [x][r].\n\n[r]: https://a.b", "See the *rules* and x."),
        ("Open <https://a.b/c> or https://a.b/d.", "Open https://a.b/c or https://a.b/d."),
        ("[Write to us](mailto:desk@a.b?subject=x).", "Write to us (desk@a.b)."),
        ("See [graph](https://a.b/?t=f(g(h(1)),2)) now.", "See graph now."),
        ("{% include 'x' %}One {{ site.name }}two<!-- three\n\nfour --> five.", "One two five."),
        ("<%= render 'x' %>One.", "One."),
        ("## Fees ¶ {#fees}\n\n### Late [#](#late)", "## Fees ### Late"),
        ("import Tabs from '@theme/Tabs';\n\n<Tabs><TabItem value='l' label=\"Linux\">Use apt.</TabItem></Tabs>", "Linux: Use apt."),
        ("export const a = {\n  b: 1\n}\n\nText.", "Text."),
        ("Put <your-name> or <NAME> there.<br>Then go.", "Put <your-name> or <NAME> there. Then go."),
        (":::warning[Heat]\nDo not touch.\n:::", "Warning: Heat: Do not touch."),
        ("```{note}\n:class: x\nDo it.\n```", "Note: Do it."),
        ("!!! tip \"Hint\"\n    Do it\n    today.\n\nNext.", "Tip: Hint: Do it today. Next."),
        ("> [!CAUTION]\n> Never.", "> Caution: Never."),
        ("See {ref}`the page <p>` and {py:func}`~a.b`.", "See the page and `a.b`."),
        ("## Contents\n\n- [One](#one)\n- [Two](#two)\n\n## One\n\nText.", "## One Text."),
        ("[Back](a.md) | [Next](b.md)\n\nText.", "Text."),
    ],
)  # fmt: skip
def test_what_people_read_is_left(text: str, shown: str):
    assert said(text) == shown


def test_code_stays_as_it_is():
    code = "```yaml\nimage: {{ .Values.image }} <!-- x -->\nlink: [a](b)\n```"
    assert code in plain(f"{code}\n\nWrite `{{{{ name }}}}` or `[a](b)`.")
    assert "`{{ name }}` or `[a](b)`" in plain("Write `{{ name }}` or `[a](b)`.")
    assert "```bash\nls -l\n```" in plain("{% highlight bash %}\nls -l\n{% endhighlight %}")
    assert "```bash\nls -l\n```" in plain("```{code-block} bash\n:linenos:\nls -l\n```")


def test_a_list_that_says_something_is_no_navigation():
    text = "## Contents\n\n- a drill\n- a saw"
    assert plain(text) == text


@pytest.mark.parametrize(
    "part", ["{{", "[a](", "`a ``b ", "<a x ", "<pre ", "<nav ", "![", "{% highlight a %}", "<!--", " "]
)
def test_marks_that_are_never_closed_cost_no_time(part: str):
    began = time.monotonic()
    plain(part * (40_000 // len(part)))
    assert time.monotonic() - began < 10


def test_a_page_of_a_site_is_its_own_text(tmp_path):
    nav = '<div class="related" role="navigation"><h3>Navigation</h3><ul><li><a href="i.html">index</a></li></ul></div>'
    text = '<h1>Fees<a class="headerlink" href="#fees">¶</a></h1><p>A <a href="x">late fee</a> is 3 euros.</p>'
    for name, body in (("main", f'{nav}<div role="main">{text}</div>'), ("plain", nav + text)):
        path = tmp_path / f"{name}.html"
        path.write_text(f"<html><head><title>T</title></head><body>{body}</body></html>", encoding="utf-8")
        assert [(one.heading, one.text) for one in read_here(path, path.name)] == [("Fees", "A late fee is 3 euros.")]


def test_a_page_without_a_heading_is_called_what_its_title_says(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<title>Fees — Desk 2.1 documentation</title><p>Three euros.</p>", encoding="utf-8")
    assert [one.heading for one in read_here(path, "a.html")] == ["Fees"]
