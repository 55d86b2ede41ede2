"""Pictures of the pages of `status --html` and `forecast --html`, as the system's Chromium draws them.

Chromium draws a little differently from version to version, so each picture holds the digest of the page that it shows.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import Literal

from playwright.sync_api import sync_playwright
from support.browser import CHROMIUM, OPTIONS
from support.build import NOW

from reconcile import __version__
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.insight.forecast import Schedule, forecast, without_account
from reconcile.insight.status import status
from reconcile.report.forecast.html import forecast_html
from reconcile.report.status.pages import status_html

from .account import DECLARED, OBSERVED

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 8 + 13 + 4
"""Bytes: the first chunk of a PNG has a fixed size."""

_KEYWORD = b"html-sha256\0"


def _status() -> str:
    desired = resolve(DECLARED, OBSERVED)
    return status_html(status(desired, OBSERVED, NOW))


def _year() -> str:
    """Show what the policies of the same files will hold in a year, from the first day on."""
    declared, account = without_account(DECLARED, NOW)
    schedule = Schedule(start=NOW, days=365, every=Duration(days=1))
    return forecast_html(forecast(resolve(declared, account), account, schedule, size_mb=4500), verbose=False)


PAGES: dict[str, tuple[Callable[[], str], tuple[Scheme, ...], int]] = {
    "page": (_status, SCHEMES, 830),
    "forecast": (_year, ("light",), 640),
}
"""What is drawn, for which screens, and how many pixels of it from the top."""


def html(name: str) -> str:
    """Return a page, with the same text under every version."""
    return PAGES[name][0]().replace(__version__, "…")


def png(name: str, scheme: Scheme) -> bytes:
    """Draw the top of a page; needs Chromium."""
    page = html(name)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        window = browser.new_page(viewport={"width": 1100, "height": PAGES[name][2]}, color_scheme=scheme)
        window.set_content(page)
        drawn = window.screenshot()
        browser.close()
    return drawn[:_HEADER_END] + _chunk(b"tEXt", _KEYWORD + digest(page)) + drawn[_HEADER_END:]


def digest(page: str) -> bytes:
    """Return what a picture of the page holds."""
    return hashlib.sha256(page.encode()).hexdigest().encode()


def shows(picture: bytes, page: str) -> bool:
    """Return whether a picture was made of this page."""
    return _chunk(b"tEXt", _KEYWORD + digest(page)) in picture


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
