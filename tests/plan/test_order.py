"""In what order creates take places: over runs that are too short for all, no server starves."""

import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.build import NOW, backup, config, days, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Server
from reconcile.plan.order import ranks


def servers(number: int) -> tuple[Server, ...]:
    return tuple(Server(id=each, name=f"s{each}") for each in range(1, number + 1))


def order(series: dict[str, str], *backups: Backup) -> list[str]:
    """Return the servers in the order of their creates; each has the series that `series` says."""
    known = servers(len(series))
    tables = (
        f"[servers.s{server.id}]\nid = {server.id}\nbackups = [{each}]\n"
        for server, each in zip(known, series.values(), strict=True)
    )
    plan = make_plan(config("".join(tables)), inventory(*backups, servers=known))
    names = list(series)
    return [names[int(address.server.removeprefix("s")) - 1] for address in ranks(plan)]


def of(server: int, age: timedelta, status: str = "completed") -> Backup:
    return backup(server * 10 + len(status), "nightly", age=age, status=status, server=servers(9)[server - 1])


DAILY, WEEKLY = (f'{{ description = "nightly", every = "{every}" }}' for every in ("1d", "1w"))


def test_a_missing_backup_comes_first_then_the_longest_overdue_in_proportion_to_its_interval() -> None:
    found = order(
        {"two days late": DAILY, "a week late": WEEKLY, "missing": DAILY, "a day late": DAILY},
        of(1, days(3)),
        of(2, days(14)),
        of(4, days(2)),
    )

    assert found == ["two days late", "missing", "a week late", "a day late"], "the first is the canary"


def test_series_whose_newest_backup_hangs_or_failed_come_last() -> None:
    found = order(
        {"hangs": DAILY, "failed": DAILY, "stalled": DAILY, "late": DAILY, "failed before": DAILY},
        of(1, hours(23.5), "in_progress"),
        of(2, days(1), "failed"),
        of(3, days(5), "in_progress"),
        of(4, days(1)),
        of(5, days(9), "failed"),
        of(5, days(3)),
    )

    assert found[:2] == ["failed before", "late"]


def test_the_canary_is_the_longest_description_in_bytes_and_of_several_the_longest_overdue() -> None:
    short, wide, long = (f'{{ description = "{text}", every = "1d" }}' for text in ("x" * 8, "é" * 6, "y" * 11))

    assert order({"short": short, "wide": wide, "long": long}) == ["wide", "short", "long"]


def test_of_several_canaries_it_is_one_that_has_a_backup() -> None:
    found = order({"missing": DAILY, "due": DAILY, "overdue": DAILY}, of(2, days(1)), of(3, days(3)))

    assert found == ["overdue", "missing", "due"]


def test_series_that_the_service_may_have_stored_with_another_description_come_last_of_all() -> None:
    altered, failed, late = (
        f'{{ description = "{text}", every = "1d" }}' for text in ("Nightly backup", *["nightly"] * 2)
    )

    found = order(
        {"altered": altered, "failed": failed, "late": late},
        backup(1, "nightly backup", age=days(1), server=servers(3)[0]),
        of(2, days(1), "failed"),
        of(3, days(2)),
    )

    assert found[-1] == "altered"


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 5))
def test_where_each_run_has_time_for_some_no_server_waits_for_more_runs_than_it_takes_to_serve_all(
    number: int, capacity: int, seed: int
) -> None:
    known = servers(number)
    file = config(
        "".join(f"[servers.s{each.id}]\nid = {each.id}\nbackups = [{DAILY}]\n" for each in known),
    )
    held = [backup(place, age=days(1 + place * seed % 3), server=each) for place, each in enumerate(known)]
    waited = dict.fromkeys(range(1, number + 1), 0)
    for night in range(30):
        now = NOW + days(night)
        plan = make_plan(file, inventory(*held, servers=known), now=now)
        served = [int(address.server.removeprefix("s")) for address in ranks(plan)][:capacity]
        held += [
            backup(1000 + len(held) + place, created_at=now + hours(0.01 * place), server=known[server - 1])
            for place, server in enumerate(served)
        ]
        waited = {id_: 0 if id_ in served else runs + 1 for id_, runs in waited.items()}
        assert max(waited.values()) <= math.ceil(number / capacity)
