"""What an import declares, what the first file adds, and what they say about the rest."""

from datetime import time, timedelta
from typing import Any

import pytest
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.insight.importing import (
    Adopted,
    AdoptedServers,
    Declaration,
    FailedPinned,
    LeftUnmanaged,
    NotDeclared,
    NotShared,
)
from reconcile.insight.importing import declare as import_
from reconcile.report.toml import declaration_toml

DB = Server(id=2, name="db")
DAILY = Duration.parse("1d")


def only_entry(seen: Inventory, *, is_first: bool = False) -> AdoptedServers:
    (entry,) = import_(seen, NOW, is_first=is_first).entries
    return entry


def series(*held: Backup, is_first: bool = False) -> dict[str, Adopted]:
    return {each.description: each for each in only_entry(inventory(*held), is_first=is_first).series}


def nightly(count: int, description: str = "nightly", *, first: int = 1, server: Server = WEB) -> list[Backup]:
    return [backup(first + at, description, age=days(at), server=server) for at in range(count)]


def servers(count: int, prefix: str = "web-") -> list[Server]:
    return [Server(id=10 + number, name=f"{prefix}{number:02}") for number in range(count)]


def test_what_is_created_regularly_keeps_as_many_as_it_has() -> None:
    held = (*nightly(4), backup(9, status="in_progress", age=hours(0)), backup(8, "weekly"))

    found = series(*held)

    assert (found["nightly"].every, found["nightly"].at, found["nightly"].most) == (DAILY, time(12), 5)
    assert (found["weekly"].every, found["weekly"].most) == (None, 1)


@pytest.mark.parametrize(
    ("ages", "every"),
    [
        (["0h", "1d", "2d"], "1d"),
        (["1h", "25h", "50h", "70h"], "1d"),
        (["0h", "6h", "12h", "18h"], "6h"),
        (["0h", "1w", "2w", "3w"], "1w"),
        (["0h", "31d", "59d", "90d"], "1mo"),
        (["0h", "1d", "2d", "3d", "4d", "5d", "6d", "7d", "14d", "21d"], "1d"),
        (["0h", "1d"], None),
        (["0h", "1d", "9d", "4h"], None),
        (["0h", "5d", "10d"], None),
        (["0h", "0h", "0h"], None),
    ],
)
def test_the_interval_is_that_of_the_newest_backups_if_they_are_regular(ages: list[str], every: str | None) -> None:
    age = {text: NOW - Duration.parse(text).after(NOW, NOW.tzinfo) for text in ages if text != "0h"}  # type: ignore[arg-type] # UTC
    held = [backup(number, age=-age.get(text, timedelta(0))) for number, text in enumerate(ages)]

    assert series(*held)["nightly"].every == (Duration.parse(every) if every else None)


def test_the_time_of_the_day_is_told_only_if_it_is_always_about_the_same() -> None:
    early_and_late = [backup(number, age=days(number) + hours(number % 2 * 4)) for number in range(8)]
    around_midnight = [backup(n, age=days(n) + hours(12) + timedelta(minutes=n % 2 * 4 - 2)) for n in range(8)]

    assert series(*early_and_late)["nightly"].at is None
    assert series(*around_midnight)["nightly"].at in {time(0), time(23, 55)}


def test_a_server_without_backups_is_declared_empty() -> None:
    assert only_entry(inventory()) == AdoptedServers(key="web", servers=(WEB,), series=())


def test_nothing_is_no_entry() -> None:
    assert import_(inventory(servers=()), NOW).entries == ()


def test_failed_ones_are_pinned_and_do_not_count() -> None:
    failed = backup(2, status="failed")
    declaration = import_(inventory(backup(1), failed), NOW)

    (entry,) = declaration.entries
    assert (entry.pinned, [each.most for each in entry.series]) == ((2,), [1])
    assert declaration.not_shown == (FailedPinned(key="web", backup=failed),)


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (backup(1, None), "is empty"),
        (backup(1, " x"), "starts or ends with whitespace"),
        (backup(1, "a\nb"), "has control characters"),
        (backup(1, status="failed"), None),
        (backup(1, age=days(9), status="queued"), None),
        (backup(1, age=-days(9)), None),
    ],
)
def test_what_can_be_in_no_series_is_left_and_never_pruned(held: Backup, problem: str | None) -> None:
    declaration = import_(inventory(held), NOW)

    assert declaration.entries == (AdoptedServers(key="web", servers=(WEB,), series=(), is_unpruned=True),)
    assert declaration.not_shown == (LeftUnmanaged(key="web", backup=held, unclean=problem),)


def test_a_backup_without_a_description_is_not_ignored_and_never_pruned() -> None:
    existing = config("[settings]\nprune = true\nignore = ['*']\n")
    seen = inventory(backup(1, None, age=days(30)), backup(2, "by hand", age=days(30)))

    imported = declaration_toml(import_(seen, NOW, existing=existing))

    assert make_plan(config(existing.sources[0].text + imported), seen).actions == ()


def test_the_glob_for_dated_names_takes_no_backup_that_is_ignored() -> None:
    dates = ("2026-01-01", "2026-01-02", "2026-02-01", "2026-02-02", "2026-02-03")
    seen = inventory(*(backup(at, f"auto-{date}", age=days(60 - at)) for at, date in enumerate(dates)))
    ignoring = '[settings]\nignore = "auto-2026-01-*"\n'

    imported = declaration_toml(import_(seen, NOW, existing=config(ignoring)))

    assert make_plan(config(ignoring + imported), seen).actions == ()


def test_dated_names_whose_series_would_be_ignored_stay_apart() -> None:
    seen = inventory(backup(1, "db 2026-01-01", age=days(2)), backup(2, "db 2026-01-02", age=days(1)))
    ignoring = '[settings]\nignore = "db"\n'

    imported = declaration_toml(import_(seen, NOW, existing=config(ignoring)))

    assert make_plan(config(ignoring + imported), seen).actions == ()


def test_automatic_backups_are_counted_and_left_alone() -> None:
    automatic = backup(1, "Automatic daily backup", backup_type="automatic")

    declaration = import_(inventory(automatic), NOW)

    assert (declaration.automatic, declaration.entries[0].series) == (1, ())


class TestDatedNames:
    def dated(self, *texts: str) -> dict[str, Adopted]:
        return series(*(backup(number, text, age=days(number)) for number, text in enumerate(texts)))

    @pytest.mark.parametrize(
        ("texts", "name", "glob"),
        [
            (["auto-2026-11-22", "auto-2026-11-21", "auto-2026-11-20"], "auto", "auto-*"),
            (["db 20261122 full", "db 20261121 full"], "db full", "db * full"),
            (["2026-11-22T03:00:00Z", "2026-11-21T03:00:00Z"], "dated", "*"),
            (["b[1]_1763780400", "b[1]_1763694000"], "b[1]", "b[[]1]_*"),
        ],
    )
    def test_become_one_series(self, texts: list[str], name: str, glob: str) -> None:
        (found,) = self.dated(*texts).values()

        assert (found.description, found.renamed_from, found.backups[0][-1].description) == (name, glob, texts[0])
        assert found.most == len(texts)

    def test_the_glob_takes_nothing_else(self) -> None:
        found = self.dated("auto-2026-11-22", "auto-2026-11-21", "auto-before-upgrade")

        digits = "-".join("[0-9]" * count for count in (4, 2, 2))
        assert {each.description: each.renamed_from for each in found.values()} == {
            "auto": f"auto-{digits}",
            "auto-before-upgrade": None,
        }

    def test_a_name_that_is_taken_gets_a_number(self) -> None:
        assert set(self.dated("auto-2026-11-22", "auto-2026-11-21", "auto")) == {"auto 2", "auto"}

    def test_one_dated_name_is_no_series_of_dated_names(self) -> None:
        assert self.dated("auto-2026-11-22", "2026-02-31 x")["auto-2026-11-22"].renamed_from is None


class TestKeys:
    @pytest.mark.parametrize(
        ("servers", "keys"),
        [
            ((WEB, DB), ["db", "web"]),
            ((Server(id=1, name="twin"), Server(id=2, name="twin")), ["server-1", "server-2"]),
            ((Server(id=1, name="a/b"), Server(id="x/y z", name="")), ["server-x-y-z", "server-1"]),
            ((Server(id=1, name="a/b"), Server(id=2, name="server-1")), ["server-1-2", "server-1"]),
            ((Server(id="a/b", name=""), Server(id="a-b", name="")), ["server-a-b", "server-a-b-2"]),
        ],
    )
    def test_are_names_or_else_ids(self, servers: tuple[Server, ...], keys: list[str]) -> None:
        held = [backup(number, f"{number}", server=server) for number, server in enumerate(servers)]

        assert sorted(each.key for each in import_(inventory(*held, servers=servers), NOW).entries) == sorted(keys)

    def test_of_another_file_are_taken(self) -> None:
        existing = config("[servers.web]\nname = 'www'\nid = 9\n")

        (entry,) = import_(inventory(), NOW, existing=existing).entries

        assert (entry.key, entry.servers) == ("server-1", (WEB,))


class TestOnly:
    SEEN = inventory(servers=(WEB, DB))

    @pytest.mark.parametrize("only", [("db",), ("2",), ("db", "2")])
    def test_servers_by_name_or_id(self, only: tuple[str, ...]) -> None:
        assert [entry.key for entry in import_(self.SEEN, NOW, only=only).entries] == ["db"]

    def test_a_server_that_the_account_has(self) -> None:
        with pytest.raises(UserError, match="the account has no server 'nobody'") as refused:
            import_(self.SEEN, NOW, only=("nobody",))
        assert refused.value.diagnostics[0].detail.startswith("Its servers: ")


class TestBesideAFile:
    EXISTING = declare('{ description = "nightly" }', settings="prune = true")
    SEEN = inventory(backup(1), backup(2, "x"), backup(3, "x"), backup(4, "y", server=DB), servers=(WEB, DB))

    def test_only_other_servers_are_declared_and_what_is_missing_is_noted(self) -> None:
        declaration = import_(self.SEEN, NOW, existing=self.EXISTING)

        assert [entry.key for entry in declaration.entries] == ["db"]
        (note,) = declaration.not_shown
        assert isinstance(note, NotDeclared)
        assert (note.key, note.description, note.count) == ("web", "x", 2)
        assert note.filename.endswith("backups.toml")


class TestFleets:
    def imported(self, *held: Backup, among: list[Server], **options: Any) -> Declaration:  # noqa: ANN401 - of declare
        return import_(inventory(*held, servers=tuple(among)), NOW, **options)

    def test_servers_that_are_alike_become_one_that_keeps_as_many_as_any_of_them_and_lists_them(self) -> None:
        web = servers(3)
        held = [each for at, server in enumerate(web) for each in nightly(3 + at, first=10 * at, server=server)]

        fleet, db = sorted(self.imported(*held, among=[*web, DB]).entries, key=lambda each: not each.is_fleet)

        assert (fleet.key, fleet.servers, fleet.glob) == ("web", tuple(web), "web-*")
        assert [(each.description, each.every, [*map(len, each.backups)]) for each in fleet.series] == [
            ("nightly", DAILY, [3, 4, 5])
        ]
        assert (db.key, db.is_fleet) == ("db", False)

    def test_too_few_backups_to_tell_an_interval_count_as_alike(self) -> None:
        web = servers(2)

        (fleet,) = self.imported(*nightly(3, server=web[0]), backup(9, server=web[1]), among=web).entries

        assert [(each.every, [*map(len, each.backups)]) for each in fleet.series] == [(DAILY, [3, 1])]

    def test_what_only_some_of_three_hold_by_hand_stays_unmanaged_and_is_noted(self) -> None:
        web = servers(3)
        held = [each for at, server in enumerate(web) for each in nightly(3, first=10 * at, server=server)]

        declaration = self.imported(*held, backup(99, "by hand", server=web[1]), among=web)

        (fleet,) = declaration.entries
        assert [each.description for each in fleet.series] == ["nightly"]
        assert declaration.not_shown == (NotShared(fleet="web", description="by hand", servers=1, count=1),)

    def test_two_servers_that_differ_by_a_backup_by_hand_keep_their_tables(self) -> None:
        web = servers(2)

        declaration = self.imported(backup(99, "by hand", server=web[1]), among=web, is_first=True)

        assert [(entry.key, [each.description for each in entry.series]) for entry in declaration.entries] == [
            ("web-00", ["nightly"]),
            ("web-01", ["by hand", "nightly"]),
        ]
        assert declaration.not_shown == ()

    def test_servers_that_differ_only_by_a_backup_by_hand_get_the_same_new_series(self) -> None:
        web = servers(3)

        declaration = self.imported(backup(99, "by hand", server=web[1]), among=web, is_first=True)

        (fleet,) = declaration.entries
        assert [(each.description, each.is_standard) for each in fleet.series] == [("nightly", True)]
        assert declaration.not_shown == (NotShared(fleet="web", description="by hand", servers=1, count=1),)

    def test_no_glob_is_proposed_that_matches_another_server(self) -> None:
        web = servers(2)
        held = [each for at, server in enumerate(web) for each in nightly(3, first=10 * at, server=server)]

        found = self.imported(*held, among=[*web, Server(id=99, name="web-of-others")])

        assert [entry.glob for entry in found.entries if entry.is_fleet] == [None]

    def test_names_that_are_not_unique_and_pins_keep_their_tables(self) -> None:
        twins = [Server(id=1, name="twin"), Server(id=2, name="twin"), *servers(2)]

        found = self.imported(backup(1, server=twins[2]), backup(2, server=twins[2], status="failed"), among=twins)

        assert not any(entry.is_fleet for entry in found.entries)

    def test_the_name_of_a_fleet_of_another_file_is_not_taken_again(self) -> None:
        existing = config("[fleets.web]\nmatch = 'x*'\n[fleets.web-2]\nmatch = 'x*'")

        (fleet,) = self.imported(among=servers(2), existing=existing).entries

        assert fleet.key == "web-3"

    def test_two_hundred_servers_in_three_groups_fit_on_two_screens(self) -> None:
        groups = [servers(70, "web-"), servers(70, "db-"), servers(60, "worker-")]
        crowd = [Server(id=at, name=each.name) for at, each in enumerate(server for some in groups for server in some)]
        held = [
            backup(
                f"{server.id} {age}", f"{server.name[:2]} {(NOW - days(age)):%Y-%m-%d}", age=days(age), server=server
            )
            for server in crowd
            for age in range(7)
        ]

        written = declaration_toml(self.imported(*held, among=crowd, is_first=True))

        assert len(written.splitlines()) <= 2 * 40
        assert max(map(len, written.splitlines())) <= 80


class TestFirstFile:
    def test_what_is_created_regularly_goes_on_and_nothing_is_added(self) -> None:
        assert [(each.description, each.is_standard) for each in series(*nightly(3), is_first=True).values()] == [
            ("nightly", False)
        ]

    @pytest.mark.parametrize(
        ("held", "expected"),
        [
            ([], {"nightly": True}),
            ([backup(1, "by hand")], {"by hand": False, "nightly": True}),
            ([backup(1)], {"nightly": True}),
            ([backup(1, status="failed")], {"nightly 2": True}),
        ],
    )
    def test_a_server_on_which_nothing_is_regular_gets_a_series(
        self, held: list[Backup], expected: dict[str, bool]
    ) -> None:
        assert {key: each.is_standard for key, each in series(*held, is_first=True).items()} == expected

    @pytest.mark.parametrize("count", range(1, 6))
    def test_a_new_backup_that_is_due_at_once_deletes_none(self, count: int) -> None:
        seen = inventory(*(backup(at, age=days(at + 2)) for at in range(count)))

        plan = make_plan(config(declaration_toml(import_(seen, NOW, is_first=True))), seen)

        assert [len(plan.creates), len(plan.deletes)] == [1, 0]

    def test_a_nightly_that_is_irregular_goes_on_with_as_many(self) -> None:
        found = series(*(backup(n, age=hours(n * n)) for n in range(9)), is_first=True)["nightly"]

        assert (found.every, found.most, found.is_standard) == (DAILY, 9, False)

    def test_where_servers_cannot_be_listed_those_with_backups_are_declared(self) -> None:
        declaration = import_(inventory(backup(1), servers=None), NOW, is_first=True)

        assert [entry.servers for entry in declaration.entries] == [(WEB,)]


def test_plan_on_what_is_imported_says_no_changes_and_the_file_is_valid() -> None:
    held = (
        backup(1),
        backup(2, age=days(1), status="failed"),
        backup(3, "weekly", age=days(30)),
        backup(4, "\x1b[31m"),
        backup(5, "gone", status="error"),
        backup(6, "y", server=Server(id="u/1", name="")),
    )
    seen = inventory(*held, servers=(WEB, Server(id="u/1", name="")))

    declared = config(declaration_toml(import_(seen, NOW)))

    plan = make_plan(declared, seen)
    assert (plan.actions, plan.errors, plan.warnings) == ((), (), ())
