"""Web pages: tables whose cells span, what is hidden, what stands around the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.documents import read_here


def read(tmp_path: Path, html: str) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    path = tmp_path / "a.html"
    path.write_text(html)
    found = read_here(path, path.name, note=notes.append)
    return [line for one in found for line in one.text.split("\n") if line], notes


def test_cells_that_span_and_headings_of_two_rows(tmp_path: Path):
    lines, _ = read(
        tmp_path,
        """<h1>Tariff</h1><table>
        <thead><tr><th rowspan="2">Zone</th><th rowspan="2">Pass</th><th colspan="2">Fare</th></tr>
        <tr><th>Peak</th><th>Off-peak</th></tr></thead>
        <tbody><tr><td rowspan="2">Inner</td><td>Day</td><td>4</td><td>3</td></tr>
        <tr><td>Week</td><td colspan="2">18</td></tr>
        <tr><td>Outer</td><td>Day</td><td>6</td><td>5</td></tr></tbody></table>""",
    )
    assert lines == [
        "Zone: Inner; Pass: Day; Fare / Peak: 4; Fare / Off-peak: 3.",
        "Zone: Inner; Pass: Week; Fare / Peak: 18; Fare / Off-peak: 18.",
        "Zone: Outer; Pass: Day; Fare / Peak: 6; Fare / Off-peak: 5.",
    ]


def test_an_upper_name_over_some_columns_is_no_title(tmp_path: Path):
    lines, _ = read(
        tmp_path,
        "<table><tr><td></td><th colspan=2>Price</th></tr><tr><th>Item</th><th>Net</th><th>Gross</th></tr>"
        "<tr><td>Pan</td><td>10</td><td>12</td></tr></table>",
    )
    assert lines == ["Item: Pan; Price / Net: 10; Price / Gross: 12."]


def test_sections_and_a_bar_within_a_cell(tmp_path: Path):
    lines, _ = read(
        tmp_path,
        "<table><tr><th>Dish</th><th>Price</th></tr><tr><th colspan=2>Mains</th></tr>"
        "<tr><td>Stew <code>a|b</code></td><td><p>12</p><p>small 8</p></td></tr></table>",
    )
    assert lines == ["Mains; Dish: Stew `a|b`; Price: 12 small 8."]


def test_names_down_the_first_column(tmp_path: Path):
    lines, _ = read(
        tmp_path, "<table><tr><th>Owner</th><td>Ann</td></tr><tr><th>Cost centre:</th><td>4410</td></tr></table>"
    )
    assert lines == ["Owner: Ann.", "Cost centre: 4410."]


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>9 euros</p>",
        '<p style="display: none">9 euros</p>',
        '<p style="Visibility:hidden">9 euros</p>',
        '<div aria-hidden="true"><b>9 euros</b></div>',
        '<p class="old">9 euros</p>',
        '<p style="color:#FFF">9 euros</p>',
        '<div style="background:white"><p style="color: white">9 euros</p></div>',
    ],
)
def test_what_is_hidden_is_left_out_and_said(tmp_path: Path, hidden: str):
    style = "<style>@media print{p{display:none}} .old, .x{display:none}</style>"
    lines, notes = read(tmp_path, f"<head>{style}</head><body><p>The fee is 3 euros.</p>{hidden}</body>")
    assert lines == ["The fee is 3 euros."]
    assert notes == ["1 hidden part was left out."]


def test_white_text_on_a_colour_and_what_a_later_rule_shows_are_read(tmp_path: Path):
    lines, notes = read(
        tmp_path,
        "<style>.tab{display:none} .open{display:block} .dark{background:#123}</style><p class='tab open'>It is open.</p>"
        "<div class=dark><p style='color:#fff'>It is white.</p></div>",
    )
    assert lines == ["It is open.", "It is white."]
    assert notes == []


def test_comments_are_left_out_and_said(tmp_path: Path):
    lines, notes = read(tmp_path, "<p>The fee is 3.</p><!-- the fee was 9 --><!--[if IE]> old <![endif]--><!-- end -->")
    assert lines == ["The fee is 3."]
    assert notes == ["1 comment was left out."]


def test_what_stands_around_the_text_is_left_out_and_said(tmp_path: Path):
    lines, notes = read(
        tmp_path,
        """<body><header><a>Shop</a><h1>Opening hours</h1></header><nav><a>Home</a><a>Contact</a></nav>
        <div class="cc"><p>We use cookies.</p><button>Accept all</button></div>
        <main><article><header><p>By the desk.</p></header><p>We open at 08:00.</p>
        <aside>On Sundays at 10:00.</aside></article></main>
        <aside>Read also: prices</aside><footer>Imprint</footer></body>""",
    )
    assert lines == ["By the desk.", "We open at 08:00.", "On Sundays at 10:00."]
    assert notes == ["The page's cookie banner, navigation, page header, footer and side matter were left out."]


def test_the_title_in_a_page_header_is_kept(tmp_path: Path):
    path = tmp_path / "a.html"
    path.write_text("<body><header><h1>Opening hours</h1><p>Shop</p></header><p>We open at 08:00.</p></body>")
    (found,) = read_here(path, path.name)
    assert (found.heading, found.text) == ("Opening hours", "We open at 08:00.")


def test_a_page_of_cookies_and_one_of_links_alone_are_read(tmp_path: Path):
    text = "The shop sells cookies with nuts. " * 30
    lines, notes = read(tmp_path, f"<body><div>{text}<button>Accept order</button></div></body>")
    assert " ".join(lines).count("cookies") == 30
    assert notes == []
    assert read(tmp_path, "<body><nav><p>The key is at the desk.</p></nav></body>") == (["The key is at the desk."], [])


def test_a_caption_stands_before_its_table(tmp_path: Path):
    lines, _ = read(
        tmp_path,
        "<p>The pool is open.</p><table><caption>Pool fees</caption><colgroup><col></colgroup><tr><th>Kind</th><th>Price</th></tr>"
        "<tr><td>Adult</td><td>5</td></tr></table><p>All in euros.</p>",
    )
    assert lines[-3:] == ["Pool fees", "Kind: Adult; Price: 5.", "All in euros."]


def test_cells_that_are_not_closed_and_one_that_spans_to_the_end(tmp_path: Path):
    lines, _ = read(
        tmp_path,
        "<table><thead><tr><th>Grade<th>Base<th>Top</thead><tbody><tr><td>A<td rowspan=0>10<td>20<tr><td>B<td>30</table>",
    )
    assert lines == ["Grade: A; Base: 10; Top: 20.", "Grade: B; Base: 10; Top: 30."]


def test_a_table_of_a_heading_alone_is_text(tmp_path: Path):
    assert read(tmp_path, "<p>It is here.</p><table><tr><th>Only</th><th>Heading</th></tr></table>")[0][-2:] == [
        "Only",
        "Heading",
    ]
