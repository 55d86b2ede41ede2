"""Which backup a restore is about; whatever is not plainly right is refused."""

import pytest
from support.build import NOW, WEB, backup, days, hours, inventory

from reconcile.actual.inventory import Server
from reconcile.diagnostics import UserError
from reconcile.insight.restore_points import Choice, choose, confirmation, find_server, same

DB, NAMELESS, NUMBER = Server(id=2, name="db"), Server(id="u-3", name=""), Server(id=4, name="2")
SERVERS = (WEB, DB, NAMELESS, Server(id=5, name="twin"), Server(id=6, name="twin"))
SEEN = inventory(
    backup(1, age=days(3)),
    backup(2, age=days(2)),
    backup(3, age=days(1), backup_type="automatic", description="Automatic daily backup"),
    backup(4, age=hours(1), status="in_progress"),
    backup(5, age=-days(1)),
    backup(6, server=DB),
    backup(7, age=days(5), description="weekly"),
    servers=SERVERS,
)


def refusal(error: UserError) -> str:
    return f"{error.diagnostics[0].summary}: {error.diagnostics[0].detail}"


class TestFindServer:
    @pytest.mark.parametrize(("wanted", "found"), [("web", WEB), ("2", DB), ("db", DB), ("u-3", NAMELESS)])
    def test_by_its_name_or_its_id(self, wanted: str, found: Server) -> None:
        assert find_server(SEEN, wanted) == found

    def test_by_its_backups_where_servers_cannot_be_listed(self) -> None:
        assert find_server(inventory(backup(1), servers=None), "web") == WEB

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ("nobody", "the account has no server 'nobody': Its servers: '' (u-3), 'db' (2)"),
            ("", "the account has no server ''"),
            ("twin", "2 servers match 'twin': Use an id: 5, 6"),
        ],
    )
    def test_that_is_not_one_is_refused(self, wanted: str, message: str) -> None:
        with pytest.raises(UserError) as refused:
            find_server(SEEN, wanted)

        assert message in refusal(refused.value)

    def test_that_is_called_like_anothers_id_is_refused(self) -> None:
        with pytest.raises(UserError, match="2 servers match '2'"):
            find_server(inventory(servers=(DB, NUMBER)), "2")

    def test_in_an_account_without_servers(self) -> None:
        with pytest.raises(UserError) as refused:
            find_server(inventory(servers=()), "web")

        assert "Its servers: none." in refusal(refused.value)


def test_a_restore_is_confirmed_by_the_servers_name_or_its_id_if_it_has_none() -> None:
    assert confirmation(WEB) == "web"
    assert confirmation(NAMELESS) == "u-3"
    assert confirmation(Server(id=7, name="")) == "7"


class TestChoose:
    def choose(self, *, backup_id: str | None = None, series: str | None = None, age: float = 0) -> Choice:
        return choose(WEB, SEEN, backup_id=backup_id, series=series, before=NOW - days(age))

    def test_by_its_id_an_automatic_one_too(self) -> None:
        choice = self.choose(backup_id="3")

        assert (choice.server, choice.backup.id) == (WEB, 3)
        assert [other.id for other in choice.others] == [5, 2, 1, 7]

    def test_the_newest_usable_one_of_a_series(self) -> None:
        assert self.choose(series="nightly").backup.id == 2
        assert self.choose(series="weekly").backup.id == 7

    def test_before_a_time(self) -> None:
        assert self.choose(series="nightly", age=2).backup.id == 1

    @pytest.mark.parametrize(
        ("backup_id", "series", "message"),
        [
            ("99", None, "there is no backup 99 of web: Usable backups: #5 ('nightly', 2026-03-11 12:00 UTC), #3"),
            ("6", None, "backup 6 is a backup of db, not of web"),
            ("4", None, "backup 4 has the status 'in_progress', so it can't be restored"),
            (None, "monthly", "web has no usable backup 'monthly' made before 2026-03-10 12:00 UTC"),
        ],
    )
    def test_that_is_not_to_be_had_is_refused_with_what_is(
        self, backup_id: str | None, series: str | None, message: str
    ) -> None:
        with pytest.raises(UserError) as refused:
            self.choose(backup_id=backup_id, series=series)

        assert message in refusal(refused.value)

    def test_an_id_that_two_backups_have_is_refused(self) -> None:
        with pytest.raises(UserError, match="2 backups have the id 1"):
            choose(WEB, inventory(backup(1), backup("1")), backup_id="1", series=None, before=NOW)

    @pytest.mark.parametrize(("number", "end"), [(10, "UTC)."), (12, "UTC), and 2 older ones.")])
    def test_of_many_only_the_newest_are_listed(self, number: int, end: str) -> None:
        many = inventory(*(backup(day, age=days(day)) for day in range(number)))

        with pytest.raises(UserError) as refused:
            choose(WEB, many, backup_id="99", series=None, before=NOW)

        assert refusal(refused.value).endswith(f"#9 ('nightly', 2026-03-01 12:00 {end}")

    def test_of_none_there_is_nothing_to_list(self) -> None:
        with pytest.raises(UserError) as refused:
            choose(DB, inventory(servers=SERVERS), backup_id=None, series="nightly", before=NOW)

        assert "The server has no usable backup." in refusal(refused.value)


class TestSame:
    CHOICE = choose(WEB, SEEN, backup_id="2", series=None, before=NOW)

    def test_what_was_shown_may_be_restored(self) -> None:
        same(self.CHOICE, SEEN)

    @pytest.mark.parametrize(
        "now", [(), (backup(2, age=days(2), status="failed"),), (backup(2, age=days(2), server=DB),)]
    )
    def test_what_has_changed_or_gone_is_not(self, now: tuple[object, ...]) -> None:
        with pytest.raises(UserError, match="backup #2 is no longer what was shown, nothing was restored"):
            same(self.CHOICE, inventory(*now))  # type: ignore[arg-type] # backups
