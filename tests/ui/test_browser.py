"""The pages in Chromium, against the fake API."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.ui import scenes
from tests.ui.fake_api import FakeApi
from tests.ui.fake_loop import FakeLoop
from tests.waiting import until

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH"),
]
ROOT = Path(__file__).parents[2]
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUESTION = "What is our GPU quota per team?"
LAST_WORDS = "Unused hours do not carry over [1]."
AT_ITS_END = """() => {
    const main = document.querySelector("main");
    return main.scrollTop > 300 && main.scrollHeight - main.clientHeight - main.scrollTop < 5;
}"""
PATHS = [
    "",
    "compare",
    "review?reviewer=ann",
    "examples",
    "learning",
    "learning?learn=Training",
    "learning?learn=Adapters&report=rep-better",
    "documents",
    "router",
]
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
expect.set_options(timeout=120_000)


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeApi]:
    api = FakeApi().start()
    yield api
    api.close()


@pytest.fixture(scope="module")
def address(shared: FakeApi) -> Iterator[str]:
    """The address of the pages, served by Streamlit as a person would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "ui/main.py",
        "--server.port",
        str(port),
        "--server.headless=true",
    ]
    environment = {**os.environ, "TRIVIUM_API_URL": shared.url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    until(lambda: httpx.get(url).status_code == 200, lambda: f"nothing came up at {url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def desk(shared: FakeApi) -> FakeApi:
    """The fake API as new, at a pace that a person could follow."""
    shared.go_on()
    shared.pace, shared.ready, shared.refusal = 0.02, True, None
    for kept in (shared.answers, shared.ratings, shared.received, shared.jobs):
        kept.clear()
    shared.loop = FakeLoop()
    return shared


def opened(browser: Browser, url: str, size: str = "laptop") -> Page:
    width, height = SIZES[size]
    phone = size == "phone"
    page = browser.new_context(viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone).new_page()
    page.goto(url)
    return page


@pytest.fixture
def page(browser: Browser, address: str, desk: FakeApi) -> Iterator[Page]:
    page = opened(browser, address)
    yield page
    page.context.close()


def ask(page: Page, query: str) -> None:
    box = page.get_by_placeholder("Ask the desk")
    box.fill(query)
    box.press("Enter")


def shown(page: Page, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible()


def drawn(page: Page) -> None:
    """The run of the page is over: a key pressed before would be meant for buttons that are about to go."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_a_click_on_a_question_streams_its_answer(page: Page, desk: FakeApi) -> None:
    desk.hold(after=3)
    page.get_by_role("button", name=QUESTION).click()
    shown(page, "Each team may")
    expect(page.get_by_text(LAST_WORDS)).to_have_count(0)
    desk.go_on()
    shown(page, LAST_WORDS)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_widget_clicked_in_the_middle_of_a_stream_loses_nothing(page: Page, desk: FakeApi) -> None:
    desk.hold(after=3)
    page.get_by_role("button", name=QUESTION).click()
    shown(page, "Each team may")
    page.get_by_role("radio", name="Prompt").or_(page.get_by_role("button", name="Prompt", exact=True)).first.click()
    desk.go_on()
    shown(page, LAST_WORDS)
    assert len(desk.posted("/api/answers")) == 1


def test_a_reload_in_the_middle_of_a_stream_picks_it_up(page: Page, desk: FakeApi) -> None:
    desk.hold(after=3)
    page.get_by_role("button", name=QUESTION).click()
    shown(page, "Each team may")
    page.reload()
    shown(page, "Each team may")
    desk.go_on()
    shown(page, LAST_WORDS)
    page.reload()
    shown(page, LAST_WORDS)
    assert len(desk.posted("/api/answers")) == 1


def test_stop_works_during_the_stream(page: Page, desk: FakeApi) -> None:
    desk.pace = 0.4
    page.get_by_role("button", name=QUESTION).click()
    shown(page, "Each team")
    page.get_by_role("button", name="Stop").click()
    shown(page, "You stopped this answer.")
    expect(page.get_by_text(LAST_WORDS)).to_have_count(0)
    assert [answer.status for answer in desk.answers.values()] == ["stopped"]


def test_the_page_follows_the_newest_answer(browser: Browser, address: str, desk: FakeApi) -> None:
    page = opened(browser, address, "phone")
    good = page.get_by_role("button", name="Good")
    for answers in (1, 2):
        ask(page, QUESTION)
        expect(good).to_have_count(answers)
        expect(good.last).to_be_in_viewport()
    # Streamlit scrolls softly: what counts is where the page comes to rest.
    page.wait_for_function(AT_ITS_END)
    page.context.close()


def test_history_is_still_there_after_a_visit_to_another_page(page: Page, desk: FakeApi) -> None:
    page.get_by_role("button", name=QUESTION).click()
    shown(page, LAST_WORDS)
    page.get_by_role("link", name="Documents").click()
    shown(page, "4 documents")
    page.get_by_role("link", name="Chat").click()
    shown(page, LAST_WORDS)


def test_a_thumb_down_is_sent_with_its_reasons_and_correction(page: Page, desk: FakeApi) -> None:
    page.get_by_role("button", name=QUESTION).click()
    shown(page, LAST_WORDS)
    page.get_by_role("button", name="Bad").click()
    page.get_by_text("Incomplete", exact=True).click()
    page.get_by_label("What should it have said?").fill("It is 140 hours.")
    page.get_by_role("button", name="Send rating").click()
    shown(page, "Your corrected answer waits for review.")
    id = next(iter(desk.answers))
    sent = {"answer_id": id, "score": -1, "reasons": ["Incomplete"], "correction": "It is 140 hours."}
    assert desk.posted("/api/ratings") == [sent]


def test_hostile_text_loads_nothing_links_nowhere_and_runs_nothing(page: Page, desk: FakeApi) -> None:
    asked_for: list[str] = []

    def note(request: Request) -> None:
        asked_for.append(request.url)

    page.on("request", note)
    ask(page, "hostile")
    page.get_by_text("Source: evil.md").click()
    shown(page, "![pixel](http")
    inside = page.locator("main")
    assert inside.locator("img[src*='127.0.0.1:9'], script, iframe, .katex").count() == 0
    assert inside.locator("a").count() == 0
    assert [url for url in asked_for if "127.0.0.1:9/" in url] == []
    assert page.title() != "owned"
    assert "![pixel]" in inside.locator(".stMarkdownColoredBackground").first.inner_text()


def test_a_page_that_waits_goes_on_by_itself(browser: Browser, address: str, desk: FakeApi) -> None:
    desk.ready = False
    page = opened(browser, address)
    shown(page, "indexing 3 of 21 documents")
    desk.ready = True
    expect(page.get_by_role("button", name=QUESTION)).to_be_visible()
    page.context.close()


def test_a_preference_shows_the_roads(browser: Browser, address: str, desk: FakeApi) -> None:
    page = opened(browser, f"{address}/compare")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_role("button", name="Ask every road").click()
    page.get_by_role("button", name="Prefer A").click()
    shown(page, "You preferred this answer.")
    assert len(desk.posted("/api/ratings")) == 2
    page.reload()
    shown(page, "You preferred this answer.")
    page.context.close()


def test_three_answers_are_reviewed_by_keyboard_alone(browser: Browser, address: str, desk: FakeApi) -> None:
    page = opened(browser, f"{address}/review?reviewer=ann", "phone")
    skip = page.get_by_role("button", name="Skip")
    expect(skip).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="Generation")).to_have_attribute("kind", "primary")
    page.keyboard.press("e")
    field = page.get_by_label("The right answer")
    expect(field).to_be_focused()
    field.press("End")
    page.keyboard.type(" Ask again in May: x, s, 1.")
    page.keyboard.press("Control+Enter")
    shown(page, "2 left")
    page.wait_for_function("document.querySelector('main').scrollTop === 0")
    drawn(page)
    page.keyboard.press("s")
    shown(page, "1 left")
    drawn(page)
    page.keyboard.press("x")
    shown(page, "Nothing waits for review.")
    given = [(body["verdict"], body["fault"], body["correction"][-9:]) for body in desk.posted("/api/review")]
    assert given == [("correct", "generation", " x, s, 1."), ("skip", "", ""), ("reject", "", "")]
    page.context.close()


def test_a_part_of_a_page_has_its_own_address(browser: Browser, address: str, desk: FakeApi) -> None:
    page = opened(browser, f"{address}/learning")
    page.get_by_role("radio", name="Adapters").or_(
        page.get_by_role("button", name="Adapters", exact=True)
    ).first.click()
    page.get_by_role("button", name="Report").first.click()
    shown(page, "Better: it may go live.")
    assert "learn=Adapters" in page.url
    assert "report=rep-old" in page.url
    page.reload()
    shown(page, "Better: it may go live.")
    page.get_by_role("button", name="All adapters").click()
    shown(page, "Only an adapter that the gate found better")
    page.context.close()


def test_uploaded_files_are_indexed_while_the_page_looks_on(
    browser: Browser, address: str, desk: FakeApi, tmp_path: Path
) -> None:
    files = [tmp_path / "one.md", tmp_path / "two.md"]
    for file in files:
        file.write_text("# Title\n\nText.")
    page = opened(browser, f"{address}/documents")
    shown(page, "4 documents")
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Add 2 files").click()
    shown(page, "6 documents")
    page.get_by_role("button", name="Remove").last.click()
    page.get_by_role("button", name="Yes, remove it").click()
    shown(page, "5 documents")
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PATHS)
def test_no_page_scrolls_sideways(browser: Browser, address: str, desk: FakeApi, path: str, size: str) -> None:
    page = opened(browser, f"{address}/{path}", size)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    main = page.locator("main")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_eight_questions_are_in_view_and_big_enough_to_tap(
    browser: Browser, address: str, desk: FakeApi, size: str
) -> None:
    page = opened(browser, address, size)
    composer = page.get_by_test_id("stBottom")
    expect(composer).to_be_visible()
    drawn(page)
    for question in scenes.FIRST_SCREEN:
        button = page.get_by_role("button", name=question)
        expect(button).to_be_visible()
        box, below = button.bounding_box(), composer.bounding_box()
        assert box
        assert below
        assert box["height"] >= 40
        assert box["y"] + box["height"] <= below["y"], f"{question} is hidden"
    page.context.close()
