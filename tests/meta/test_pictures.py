"""The pictures of the README show what the command prints today; `python -m tests.pictures` makes them again."""

import re

import pytest
from pictures import page, terminal
from pictures.__main__ import FOLDER, MAKERS


@pytest.mark.parametrize("name", terminal.PICTURES)
def test_a_terminal_shows_what_is_printed_today(name: str) -> None:
    drawn = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")

    assert terminal.shown(drawn) == terminal.shown(terminal.svg(name)), "python -m tests.pictures"


@pytest.mark.parametrize("name", page.PAGES)
def test_a_page_is_what_is_written_today(name: str) -> None:
    html = page.html(name)

    for picture in FOLDER.glob(f"{name}-*.png"):
        assert page.shows(picture.read_bytes(), html), "python -m tests.pictures"


def test_there_are_no_others() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(MAKERS)


def test_a_drawing_fetches_nothing() -> None:
    for file in FOLDER.glob("*.svg"):
        assert re.findall(r"(?:href|src)=.*|url\((?!#).*|@import.*", file.read_text(encoding="utf-8")) == []
