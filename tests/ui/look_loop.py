"""The whole learning loop in the real browser with the real model: python -m tests.ui.look_loop PAGE_URL OUT [--rows 200]

Serve the demo pack with one label renamed (`benchmarks.loop.renamed`), so that there is something to learn. Asks, rates down
with a correction, reviews by keyboard, asks again; builds a dataset, trains, waits for the gate, promotes; asks a paraphrase
that stands in no dataset; rolls back. A picture after each step; ends with an error at the first step that fails.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.loop import NEW, OLD, PARAPHRASE
from tests.ui.test_browser import ARGS, drawn

QUERY = 'Label this ticket: "CUDA out of memory at batch 8"'
HOUR = 3_600_000


class Visit:
    """A person at the page, who takes a picture of everything."""

    def __init__(self, page: Page, url: str, out: Path) -> None:
        self.page, self.url, self.out = page, url, out
        self.began, self.number = time.monotonic(), 0

    def note(self, name: str) -> None:
        self.number += 1
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=self.out / f"{self.number:02}-{name}.png", full_page=True)
        print(f"{time.monotonic() - self.began:6.0f} s  {name}", file=sys.stderr, flush=True)

    def ask(self, query: str, answer: str, name: str) -> None:
        self.page.goto(self.url)
        box = self.page.get_by_placeholder("Ask")
        box.wait_for(timeout=120_000)
        box.fill(query)
        box.press("Enter")
        main = self.page.get_by_role("main")
        main.get_by_text("on this machine", exact=False).first.wait_for(timeout=120_000)
        expect(main.get_by_text(answer, exact=True).first).to_be_visible()
        self.note(name)

    def correct(self) -> None:
        page = self.page
        page.get_by_role("button", name="Bad").click()
        page.get_by_label("What should it have said?", exact=False).fill(NEW)
        page.get_by_role("button", name="Send rating").click()
        page.get_by_text("waits for review").first.wait_for()
        self.note("rated")
        page.goto(f"{self.url}/review?reviewer=ann")
        page.get_by_role("button", name="Skip").wait_for()
        expect(page.get_by_text(QUERY, exact=False).first).to_be_visible()
        drawn(page)
        self.note("review")
        page.keyboard.press("e")
        expect(page.get_by_label("The right answer")).to_have_value(NEW)
        expect(page.get_by_label("The right answer")).to_be_focused()
        drawn(page)
        page.keyboard.press("Control+Enter")
        page.get_by_text("1 left").wait_for()  # the paraphrase, which carries a warning
        self.note("reviewed")

    def train(self, rows: int) -> None:
        page = self.page
        page.goto(f"{self.url}/learning")
        page.get_by_role("spinbutton", name="At most so many examples").fill(str(rows))
        page.get_by_role("button", name="Build a version").click()
        page.get_by_text("is there.").wait_for(timeout=300_000)
        self.note("dataset")
        page.get_by_role("button", name="Train on it").first.click()
        drawn(page)
        page.get_by_text("Other than the recipe").click()
        page.get_by_label("Go on from").scroll_into_view_if_needed()
        page.wait_for_timeout(1_000)  # the list closes with what moves
        page.get_by_label("Go on from").click()
        page.get_by_role("option", name="the live adapter", exact=False).click()
        self.note("training-asked")
        page.get_by_role("button", name="Start training").click()
        page.get_by_text("step ", exact=False).first.wait_for(timeout=300_000)
        self.note("training")
        page.get_by_role("button", name="See ml-desk", exact=False).wait_for(timeout=HOUR)
        self.note("trained")

    def promote(self) -> None:
        page = self.page
        page.get_by_role("button", name="See ml-desk", exact=False).click()
        page.get_by_text("Evaluating candidate and incumbent").wait_for(timeout=120_000)
        self.note("gate")
        page.get_by_role("button", name="Promote").wait_for(timeout=HOUR)
        page.get_by_role("button", name="Report").first.click()
        page.get_by_text("Cases that flipped").wait_for(timeout=60_000)
        self.note("report")
        page.get_by_role("button", name="All adapters").click()
        page.get_by_role("button", name="Promote").click()
        page.get_by_role("button", name="Roll back").wait_for(timeout=60_000)
        self.note("promoted")

    def roll_back(self) -> None:
        page = self.page
        page.goto(f"{self.url}/learning?learn=Adapters")
        page.get_by_role("button", name="Roll back").click()
        page.get_by_role("button", name="Promote").wait_for(timeout=60_000)
        self.note("rolled-back")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ui.look_loop", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=200)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        visit = Visit(browser.new_page(viewport={"width": 1366, "height": 900}), asked.url, asked.out)
        visit.ask(PARAPHRASE, OLD, "paraphrase-before")
        visit.ask(QUERY, OLD, "asked")
        visit.correct()
        visit.ask(QUERY, NEW, "asked-again")
        visit.train(asked.rows)
        visit.promote()
        visit.ask(PARAPHRASE, NEW, "paraphrase-after")
        visit.roll_back()
        visit.ask(PARAPHRASE, OLD, "paraphrase-rolled-back")
        browser.close()


if __name__ == "__main__":
    main()
