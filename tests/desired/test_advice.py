"""Warnings about a valid file."""

import pytest
from support.build import config as parse


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


def test_an_every_without_a_keep_is_worth_a_warning_once_for_each_policy() -> None:
    found = parse(
        """
        [policies.standard]
        every = "1d"
        [policies.'']  # its series has no every either
        [policies.all]
        every = "1d"
        keep = "all"
        [servers.a]
        id = 1
        [[servers.a.backups]]
        description = "one"
        policy = "standard"
        [[servers.a.backups]]
        description = "two"
        policy = "standard"
        [[servers.a.backups]]
        description = "once"
        policy = ""
        [[servers.a.backups]]
        description = "kept"
        policy = "standard"
        keep = 3
        [[servers.a.backups]]
        description = "all"
        policy = "all"
        [fleets.b]
        match = "*"
        [[fleets.b.backups]]
        description = "three"
        policy = "standard"
        [[fleets.b.backups]]
        description = "four"
        every = "1w"
        """
    ).warnings

    assert [(each.summary, each.place and each.place.path) for each in found] == [
        ("the policy 'standard' has an every and no keep, so no backup is ever deleted", ("policies", "standard")),
        ("the series 'four' has an every and no keep, so no backup is ever deleted", ("fleets", "b", "backups", 1)),
    ]
    assert all('keep = 7; or keep = "all"' in each.detail for each in found)
    assert all(each.spot for each in found), "each has a line of the file"
