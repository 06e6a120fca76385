"""Pictures of the real page with the real model: python -m tests.ui.look PAGE_URL OUT_FOLDER.

Clicks the eight first-screen questions one after another, then compares one, on a laptop and on a phone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.ui.test_browser import ARGS

SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
RECIPE = "One 24 GB card, an 8B model, 3,000 tickets, JSON out: which recipe?"


def main() -> None:
    url, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            first_screen(page, url, out, name)
            others(page, url, out, name)
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


if __name__ == "__main__":
    main()
