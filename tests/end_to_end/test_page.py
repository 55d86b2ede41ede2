"""The pages of `status --html` and `forecast --html` in a real browser: they show all, fetch nothing, and fit."""

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from support.browser import CHROMIUM, OPTIONS
from support.build import days, entry, hours
from support.command import sandbox
from support.tools import install_from_npm

SCREENS = [(1280, 900), (390, 844)]
HOSTILE = '<img src="http://127.0.0.1:9/x"><script>document.title = "owned"</script>'
WEB, DB, FORGOTTEN = ({"id": number, "name": name} for number, name in ((1, "web"), (2, "db"), (3, "forgotten")))
AUTOMATIC = {"backup_type": "automatic", "description": HOSTILE}
SEED = {
    "servers": [WEB, DB, FORGOTTEN],
    "backups": [
        *(entry(day, "nightly", days(day), server=WEB) for day in (3, 4, 5, 8, 40, 100, 400)),
        entry(90, "nightly", days(1), status="failed", server=WEB),
        entry(91, HOSTILE, days(9), server=WEB),
        *(entry(500 + day, "nightly", days(day) + hours(1), server=DB) for day in range(3)),
        *({**entry(200 + day, "", days(day), server=DB), **AUTOMATIC} for day in range(7)),
        {**entry(300, "", days(1), server=FORGOTTEN), **AUTOMATIC},
    ],
}
FILE = """
require = { every = "1d", min_age = "1d" }
policies.nightly = { every = "1d", keep = 14 }
servers.db = { id = 2, backups = [{ description = "nightly", policy = "nightly" }] }
servers.web = { id = 1, backups = [{ description = "nightly", policy = "nightly" }] }
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    with sandbox(folder, seed=SEED) as service:
        service.write(FILE)
        (folder / "before.toml").write_text(FILE.replace("keep = 14", "keep = 30"), encoding="utf-8")
        for command in (["status"], ["forecast", "--compare", "before.toml"]):
            done = service.run(*command, "--html", f"{command[0]}.html")
            assert done.returncode == 0, done.stderr
    return folder / "status.html"


@pytest.fixture(params=["status", "forecast"])
def either(request: pytest.FixtureRequest, html: Path) -> Path:
    """Return one page after the other."""
    return html.with_name(f"{request.param}.html")


@pytest.fixture(scope="module")
def browser(html: Path) -> Iterator[Browser]:  # made before: no command can run in Playwright's loop
    # Chromium writes to its home, although it is told where its profile is.
    home: dict[str, str | float | bool] = {**os.environ, "HOME": str(html.parent)}
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, env=home)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def axe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, which finds what some people could not read."""
    modules = install_from_npm(request, tmp_path_factory.mktemp("axe"), "axe-core@4.14.1")
    return (modules / "axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """Return a page for file after file: a new one for each test would take most of the browser's time."""
    return browser.new_page()


@pytest.fixture(scope="module")
def page_without_scripts(browser: Browser) -> Page:
    return browser.new_page(java_script_enabled=False)


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest, page: Page) -> Iterator[int]:
    """Give the page the size of one screen after the other, and return the width."""
    width, height = request.param
    before = page.viewport_size
    assert before
    page.set_viewport_size({"width": width, "height": height})
    yield width
    page.set_viewport_size(before)


def test_it_shows_the_trouble_the_restore_points_and_what_is_unprotected(page: Page, html: Path) -> None:
    page.goto(html.as_uri())

    assert page.title() == "Backups: 1 of 2 series healthy, 1 server unprotected."
    lines = [line.split("\n") for line in page.locator(".overview li").all_inner_texts()]
    assert [[cell for cell in line if cell][:2] for line in lines] == [
        ["web/nightly", "OVERDUE"],
        ["forgotten (3)", "UNPROTECTED"],
        ["db/nightly", "healthy"],
    ]
    assert "not declared in any file; 1 automatic backup" in lines[1]
    assert page.locator("h3").all_inner_texts() == ["db (2)", "web (1)", "forgotten (3)"]
    db, web, forgotten = page.locator("details").all()
    web.locator("summary").click()
    assert [row.split("\n")[0] for row in web.locator(".row h4").all_inner_texts()] == [
        "nightly OVERDUE",
        f"{HOSTILE} undeclared",
    ]
    nightly = web.locator("ol").first.locator("li").all_text_contents()
    assert [text.rsplit("#")[-1].strip() for text in nightly[1:]] == ["90", "3", "4", "5", "8", "40", "100", "400"]
    assert "3d old, 100\N{NO-BREAK SPACE}MiB, #3" in nightly[2]
    assert db.locator("li.automatic").count() == 7
    assert forgotten.locator("li.automatic").count() == 1


def test_a_line_of_the_overview_leads_to_the_details_of_its_server_with_the_keyboard_alone(
    page_without_scripts: Page, html: Path
) -> None:
    page = page_without_scripts
    page.goto(html.as_uri())
    assert page.locator("details[open]").count() == 0

    page.get_by_role("link", name="forgotten (3)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open] h3")).to_have_text(["forgotten (3)"])

    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open] h3")).to_have_text(["db (2)", "forgotten (3)"])


def test_the_filter_finds_lines_and_servers_by_name_and_by_state(page: Page, html: Path) -> None:
    page.goto(html.as_uri())

    def check_shown(links: list[str], servers: list[str], count: str) -> None:
        expect(page.locator("output")).to_have_text(count)
        expect(page.locator(".overview a:visible")).to_have_text(links)
        expect(page.locator("h3:visible")).to_have_text(servers)

    page.get_by_label("Name").fill(" FORG")
    check_shown(["forgotten (3)"], ["forgotten (3)"], "1 of 3")
    page.get_by_label("Name").fill("(2)")
    check_shown(["db/nightly"], ["db (2)"], "1 of 3")
    page.get_by_label("Name").fill("")
    page.get_by_label("State").select_option("problem")
    check_shown(["web/nightly"], ["web (1)"], "1 of 3")
    page.get_by_label("Name").fill("db")
    check_shown([], [], "0 of 3")


def test_without_a_script_all_is_shown_and_no_filter(page_without_scripts: Page, html: Path) -> None:
    page = page_without_scripts
    page.goto(html.as_uri())

    assert page.get_by_label("Name").is_hidden()
    assert page.locator(".overview li:visible").count() == 3


def test_it_asks_nobody_for_anything_and_runs_no_script_but_its_own(browser: Browser, either: Path) -> None:
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(either.as_uri(), wait_until="networkidle")

    assert requests == [either.as_uri()]
    assert complaints == []
    assert page.locator("img, iframe, object").count() == 0
    assert page.locator("script").count() == (either.stem == "status")


def test_a_mark_shows_its_text_to_who_points_at_it_and_all_of_them_as_a_list(page: Page, html: Path) -> None:
    page.goto(html.as_uri())
    page.locator("summary").nth(1).click()
    page.locator("details[open] p").first.scroll_into_view_if_needed()
    mark = page.locator("details[open] li.declared").first
    text = mark.locator("span")
    place = mark.evaluate(
        """mark => {
            const line = mark.parentElement.getBoundingClientRect()
            return [line.left + line.width * mark.style.getPropertyValue("--x") / 100, line.top + 10]
        }"""
    )
    hidden = text.bounding_box()
    page.mouse.move(*place)
    pointed = text.bounding_box()
    assert hidden
    assert pointed
    assert hidden["width"] <= 1
    assert pointed["width"] > 100

    page.mouse.move(0, 0)
    page.get_by_label("list the dates of web (1)").check()
    boxes = [each.bounding_box() for each in page.locator("details[open] ol span").all()]
    assert all(box and box["width"] > 100 for box in boxes)
    assert len({(box["x"], box["y"]) for box in boxes if box}) == len(boxes)


def test_printed_it_lists_every_date(page: Page, html: Path) -> None:
    page.goto(html.as_uri())
    page.emulate_media(media="print")
    boxes = [each.bounding_box() for each in page.locator("details ol span").all()]
    page.emulate_media(media="screen")

    assert len(boxes) == 21
    assert all(box and box["width"] > 100 for box in boxes)


@pytest.mark.usefixtures("screen")
def test_a_forecast_has_words_of_one_size_on_every_screen(page: Page, html: Path) -> None:
    page.goto(html.with_name("forecast.html").as_uri())

    sizes = page.locator(".lines span, .ticks span").evaluate_all("all => all.map(e => getComputedStyle(e).fontSize)")
    shown = page.locator(".ticks span:visible").evaluate_all("all => all.map(e => e.getBoundingClientRect().toJSON())")
    assert set(sizes) == {"12px"}
    assert len(shown) > 6
    assert not [
        (left, right)
        for left, right in pairwise(sorted(shown, key=lambda box: (box["y"], box["x"])))
        if left["y"] == right["y"] and left["right"] > right["x"]
    ]


def test_it_fits_the_screen(page: Page, either: Path, screen: int) -> None:
    page.goto(either.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= screen
    for summary in page.locator("summary").all():
        summary.click()
    for checkbox in page.get_by_role("checkbox").all():
        checkbox.check()
    assert page.evaluate("document.documentElement.scrollWidth") <= screen


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(page: Page, either: Path, axe: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(either.as_uri())
    for summary in page.locator("summary").all():
        summary.click()
    for checkbox in page.get_by_role("checkbox").all():
        checkbox.check()

    page.evaluate(axe)
    result = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] })")

    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in result["violations"]] == [], json.dumps(
        result["violations"], indent=1
    )
    assert "color-contrast" in {each["id"] for each in result["passes"]}
