"""A service that does not say what time it is, and a clock that is sixty days ahead."""

from datetime import timedelta

import pytest
from support.build import NOW, config
from support.schedules import item
from support.world import Committed, World

from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome

SERVER = {"id": 1, "name": "web"}


class _Timeless(World):
    """Sends no readable `Date`."""

    header = ""

    def date(self) -> str:
        return self.header


def world(header: str, prune: str, require: str = "") -> World:
    made = _Timeless(
        config=config(
            f"[settings]\nprune = {prune}\nmax_shrink = '100%'\n[require]\n{require}\n"
            "[servers.web]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 1 }]\n"
        ),
        servers=[SERVER],
        backups=[item(1, SERVER, "nightly", 5), item(2, SERVER, "by hand", 5)],
        time=NOW + timedelta(days=60),
    )
    made.header = header
    return made


def changes(made: World) -> list[str]:
    record: list[Committed] = made.record
    return [f"{change.what} {change.record['description']}" for change in record]


@pytest.mark.parametrize("header", ["", "yesterday", "Tue, 99 Mar 2026 12:00:00 GMT"])
@pytest.mark.parametrize(
    ("prune", "require", "expected"),
    [
        ("'30d'", "", ["create nightly", "delete nightly"]),
        ("true", "", ["create nightly", "delete nightly", "delete by hand"]),
        ("'30d'", "min_age = '30d'", ["create nightly"]),
        ("true", "min_age = '30d'", ["create nightly"]),
    ],
)
def test_a_wrong_clock_deletes_nothing_by_age(header: str, prune: str, require: str, expected: list[str]) -> None:
    made = world(header, prune, require)

    results = made.apply()

    assert not isinstance(results, UserError)
    assert changes(made) == expected
    assert not made.converged[-1].is_complete
    outcomes = [ended.outcome for ended in results[-1].finished]
    assert outcomes.count(Outcome.WITHHELD) == 3 - len(expected)


def test_a_service_that_says_it_refuses_a_wrong_clock() -> None:
    made = world("Tue, 10 Mar 2026 12:00:00 GMT", "true")

    refusal = made.apply()

    assert isinstance(refusal, UserError)
    assert "2mo ahead of the service" in str(refusal)
    assert changes(made) == []
