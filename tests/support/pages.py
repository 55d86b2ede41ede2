"""The service's lists, in pages as Django REST Framework sends them: the one place where the tests' services do this.

The sandbox has pages of its own, since it is part of the product.
"""

from collections.abc import Sequence

import httpx


def page_of(entries: Sequence[object], url: httpx.URL, *, largest: int, default: int = 100) -> httpx.Response:
    """Return the page of a list that a URL asks for, with at most `largest` entries; 404 after the last page."""
    params = url.params
    number = int(params.get("page", 1))
    size = min(int(params.get("page_size", default)), largest)
    start, end = (number - 1) * size, number * size
    if number > 1 and start >= len(entries):
        return httpx.Response(404, json={"detail": "Invalid page."})
    following = str(url.copy_set_param("page", number + 1)) if end < len(entries) else None
    return page(*entries[start:end], count=len(entries), following=following)


def page(*entries: object, count: int | None = None, following: str | None = None) -> httpx.Response:
    """Return a page of these entries, of a list that has `count`."""
    total = len(entries) if count is None else count
    return httpx.Response(200, json={"count": total, "next": following, "previous": None, "results": list(entries)})
