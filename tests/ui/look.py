"""Pictures of the real page with the real model: python -m tests.ui.look PAGE_URL OUT_FOLDER [loop].

Clicks the eight first-screen questions one after another, then compares one, on a laptop and on a phone; then all parts
of the learning loop. With `loop`, only those: they are worth a look against the fake API too, which has much to show.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.ui.test_browser import ARGS

SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
LOOP = {
    "review-name": "review",
    "review": "review?reviewer=ann",
    "review-corrections": "review?part=Corrections",
    "review-missing": "review?part=Missing+documents",
    "retrieval": "retrieval?retrieval-query=GPU+quota+per+team",
    "examples": "examples",
    "examples-drafts": "examples?examples=Drafts",
    "examples-all": "examples?examples=All",
    "examples-add": "examples?examples=Add",
    "learning-datasets": "learning",
    "learning-training": "learning?learn=Training",
    "learning-adapters": "learning?learn=Adapters",
    "learning-report": "learning?learn=Adapters&report=rep-better",
    "learning-report-refused": "learning?learn=Adapters&report=rep-worse",
}
RECIPE = "One 24 GB card, an 8B model, 3,000 tickets, JSON out: which recipe?"


def main() -> None:
    url, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            if sys.argv[3:] != ["loop"]:
                first_screen(page, url, out, name)
                others(page, url, out, name)
            loop(page, url, out, name)
        browser.close()


def first_screen(page: Page, url: str, out: Path, name: str) -> None:
    page.goto(url)
    main = page.get_by_role("main")  # the sidebar lists conversations under the same words
    main.get_by_role("button", name="Who won the 2018 World Cup?").wait_for(timeout=60_000)
    page.screenshot(path=out / f"{name}-first.png")
    questions = [button.inner_text() for button in main.get_by_role("button").all()]
    for number, question in enumerate(q for q in questions if "?" in q or '"' in q):
        page.goto(url)
        main.get_by_role("button", name=question).first.click(timeout=30_000)
        main.get_by_text("on this machine", exact=False).first.wait_for(timeout=90_000)
        page.wait_for_timeout(700)
        page.screenshot(path=out / f"{name}-q{number}.png")


def others(page: Page, url: str, out: Path, name: str) -> None:
    page.goto(f"{url}/compare")
    box = page.locator("textarea, input[type=text]").first
    box.wait_for(timeout=30_000)
    box.fill(RECIPE)
    page.get_by_role("button", name="Ask every road").click()
    page.get_by_role("button", name="No preference", exact=False).click(timeout=90_000)
    page.wait_for_timeout(3_000)
    page.screenshot(path=out / f"{name}-compare.png", full_page=True)
    for part in ("documents", "router"):
        page.goto(f"{url}/{part}")
        page.wait_for_timeout(4_000)
        page.screenshot(path=out / f"{name}-{part}.png")


def loop(page: Page, url: str, out: Path, name: str) -> None:
    """Each part of the pages of the loop, whole; the review also as it stands in view, and with a correction begun."""
    for part, address in LOOP.items():
        page.goto(f"{url}/{address}")
        page.wait_for_timeout(3_500)
        page.screenshot(path=out / f"{name}-{part}.png")
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": SIZES[name][0], "height": min(4_000, max(height + 80, SIZES[name][1]))})
        page.wait_for_timeout(700)
        page.screenshot(path=out / f"{name}-{part}-whole.png")
        page.set_viewport_size({"width": SIZES[name][0], "height": SIZES[name][1]})
    page.goto(f"{url}/review?reviewer=ann")
    page.get_by_role("button", name="Skip").wait_for(timeout=30_000)
    page.keyboard.press("2")
    page.wait_for_timeout(1_500)
    page.keyboard.press("e")
    page.wait_for_timeout(2_000)
    page.screenshot(path=out / f"{name}-review-correct.png")


if __name__ == "__main__":
    main()
