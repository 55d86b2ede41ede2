"""Warnings about a valid file."""

import pytest

from reconcile.desired.load import parse


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [None]),
        ("[servers.a]\nid = 1\n[servers.b]\nid = 2\nbackups = []", [("servers", "a")]),
        ("[servers.a]\nid = 1\n[servers.b]\nid = 2\nbackups = [{ description = 'x' }]", []),
        ("[fleets.a]\nmatch = '*'", [("fleets", "a")]),
        ("[servers.a]\nid = 1\n[fleets.a]\nmatch = '*'\nbackups = [{ description = 'x' }]", []),
    ],
)
def test_no_series_at_all_is_worth_a_warning(text: str, places: list[tuple[str, ...] | None]) -> None:
    found = parse(text).warnings

    assert [diagnostic.place and diagnostic.place.path for diagnostic in found] == places
    assert all(diagnostic.severity == "warning" for diagnostic in found)
    assert all(diagnostic.summary == "no series is declared" for diagnostic in found)
