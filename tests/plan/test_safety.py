"""How much may go without a person's word (spec, section 6)."""

import pytest
from support.build import NOW, backup, config, days, declare, hours, inventory

from reconcile.actual.inventory import Backup, Server
from reconcile.plan.model import Loss
from reconcile.plan.planner import plan

FORTY = tuple(Server(id=number, name=f"s{number}") for number in range(1, 41))


def fleet(keep: int) -> str:
    table = '[servers.s{0}]\nid = {0}\nbackups = [{{ description = "nightly", every = "1d", keep = {1} }}]\n'
    return "".join(table.format(server.id, keep) for server in FORTY)


def nights(number: int) -> tuple[Backup, ...]:
    """Return so many nights on each of the forty servers, the newest an hour old."""
    return tuple(
        backup(server.id * 1000 + night, age=days(night) + hours(1), server=server)  # type: ignore[operator] # whole numbers
        for server in FORTY
        for night in range(number)
    )


def loss(text: str, *backups: Backup, servers: tuple[Server, ...] = FORTY) -> Loss:
    return plan(config(text), inventory(*backups, servers=servers), NOW).loss


def test_a_typo_in_keep_on_forty_servers_is_refused() -> None:
    measured = loss(fleet(3), *nights(30))

    assert (measured.lost, measured.usable, measured.limit) == (40 * 27, 1200, 240)
    assert measured.refused(0)
    assert measured.refused(40 * 27 - 1)
    assert not measured.refused(40 * 27)


def test_rotation_never_trips_it() -> None:
    a_day_later = tuple(
        backup(it.id, age=NOW - it.created_at + days(1), server=server)
        for server in FORTY
        for it in nights(7)
        if it.server_id == server.id
    )

    measured = loss(fleet(7), *a_day_later)

    assert (measured.lost, measured.refused(0)) == (0, False)


@pytest.mark.parametrize(("gone", "refused"), [(3, False), (4, True)])
def test_three_may_always_go(gone: int, refused: bool) -> None:  # noqa: FBT001 - the expected value
    held = [backup(number, age=days(number)) for number in range(1, gone + 2)]

    measured = plan(declare('{ description = "nightly" }'), inventory(*held), NOW).loss

    assert (measured.lost, measured.refused(0)) == (gone, refused)


def test_the_last_one_never_goes_unasked() -> None:
    measured = plan(declare("", server="prune = true"), inventory(backup(1, "x")), NOW).loss

    assert measured.empties
    assert measured.refused(0)
    assert not measured.refused(1)


def test_failed_ones_are_no_loss() -> None:
    held = [backup(1), *(backup(number, status="failed") for number in range(2, 20))]

    assert plan(declare('{ description = "nightly" }'), inventory(*held), NOW).loss.lost == 0


def test_a_hundred_per_cent_switches_both_limits_off() -> None:
    held = [backup(number, "x", age=days(number)) for number in range(1, 20)]
    pruning = declare("", server="prune = true", settings='max_shrink = "100%"')

    assert not plan(pruning, inventory(*held), NOW).loss.refused(0)


def test_an_account_without_backups_loses_nothing() -> None:
    assert not plan(declare(""), inventory(), NOW).loss.refused(0)
