"""Pictures of the page of `status --html`, as the system's Chromium draws it for a light and for a dark screen.

Chromium draws a little differently from version to version, so each picture holds the digest of the page that it shows.
"""

import hashlib
import struct
import zlib
from typing import Literal

from playwright.sync_api import sync_playwright
from support.browser import CHROMIUM, OPTIONS
from support.build import NOW

from reconcile import __version__
from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.insight.timeline import timeline
from reconcile.report.status.html import status_html

from .account import DECLARED, OBSERVED

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 8 + 13 + 4
"""Bytes: the first chunk of a PNG has a fixed size."""

_KEYWORD = b"html-sha256\0"


def html() -> str:
    """Return the page, with the same text under every version."""
    desired = resolve(DECLARED, OBSERVED)
    found = status(desired, OBSERVED, NOW)
    return status_html(timeline(found, desired, OBSERVED)).text.replace(__version__, "…")


def png(scheme: Scheme) -> bytes:
    """Draw the top of the page; needs Chromium."""
    page = html()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        window = browser.new_page(viewport={"width": 1100, "height": 830}, color_scheme=scheme)
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
