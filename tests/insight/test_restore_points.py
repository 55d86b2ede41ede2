"""Which backup a restore is about; whatever is not plainly right is refused."""

import pytest
from support.build import NOW, WEB, backup, config, days, hours, inventory

from reconcile.actual.inventory import Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.diagnostics import UserError
from reconcile.insight.restore_points import Choice, choose, restore_points, same, series_of
from reconcile.insight.status import status

NO_FILES = Config(servers=())
DB = Server(id=2, name="db")
SEEN = inventory(
    backup(1, age=days(3)),
    backup(2, age=days(2)),
    backup(3, age=days(1), backup_type="automatic", description="Automatic daily backup"),
    backup(4, age=hours(1), status="in_progress"),
    backup(5, age=-days(1)),
    backup(6, server=DB),
    backup(7, age=days(5), description="weekly"),
    servers=(WEB, DB),
)


def refusal(error: UserError) -> str:
    return f"{error.diagnostics[0].summary}: {error.diagnostics[0].detail}"


class TestRestorePoints:
    FILES = config("[servers.web]\nid = 2\n[servers.db]\nid = 1\nname = 'web'\nbackups = [{ description = 'x' }]")

    @pytest.mark.parametrize(
        ("targets", "names"), [((), ["db", "web"]), (("web",), ["db"]), (("db",), ["web"])], ids=str
    )
    def test_have_the_names_in_the_account_whatever_the_files_say(
        self, targets: tuple[str, ...], names: list[str]
    ) -> None:
        desired = select(resolve(self.FILES, SEEN), SEEN, targets)

        assert [server.name for server in restore_points(status(desired, SEEN, NOW))] == names


class TestChoose:
    def choose(self, *, backup_id: str | None = None, series: str | None = None, age: float = 0) -> Choice:
        named = None if series is None else series_of(WEB, series, NO_FILES, SEEN)
        return choose(WEB, SEEN, backup_id=backup_id, series=named, before=NOW - days(age) if age else None)

    def test_by_its_id_an_automatic_one_too(self) -> None:
        choice = self.choose(backup_id="3")

        assert (choice.server, choice.backup.id) == (WEB, 3)
        assert [other.id for other in choice.others] == [2, 1, 7]

    def test_tells_what_is_in_progress_on_the_server(self) -> None:
        assert [each.id for each in self.choose(backup_id="3").in_progress] == [4]

    def test_the_newest_usable_one_of_a_series(self) -> None:
        assert self.choose(series="nightly").backup.id == 2
        assert self.choose(series="weekly").backup.id == 7

    @pytest.mark.parametrize("table", ["servers.web]\nid = 1", "fleets.all]\nmatch = 'w*'"])
    def test_a_series_has_the_manual_backups_with_its_former_descriptions_too(self, table: str) -> None:
        files = config(f"[{table}\nbackups = [{{ description = 'daily', renamed_from = ['n*', 'Auto*'] }}]")

        named = series_of(WEB, "daily", files, SEEN)

        assert choose(WEB, SEEN, backup_id=None, series=named, before=NOW).backup.id == 2
        assert "nightly" not in series_of(DB, "daily", NO_FILES if "fleets" in table else files, SEEN)

    def test_the_newest_of_a_series_may_be_dated_just_ahead_of_our_clock(self) -> None:
        seen = inventory(*(backup(number, age=-hours(minutes / 60)) for number, minutes in ((1, -5), (2, 2), (3, 11))))
        named = series_of(WEB, "nightly", NO_FILES, seen)

        assert choose(WEB, seen, backup_id=None, series=named, before=None).backup.id == 2
        assert choose(WEB, seen, backup_id=None, series=named, before=NOW).backup.id == 1
        assert choose(WEB, seen, backup_id=None, series=named, before=NOW + days(1)).backup.id == 2

    def test_before_a_time(self) -> None:
        assert self.choose(series="nightly", age=2).backup.id == 1

    @pytest.mark.parametrize(
        ("backup_id", "series", "message"),
        [
            ("99", None, "there is no backup 99 of web: Choose a completed one with --backup ID"),
            ("6", None, "backup 6 is a backup of db, not of web"),
            ("4", None, "backup 4 has the status 'in_progress', so it can't be restored"),
            (None, None, "no backup of web was chosen; nothing was restored: Choose a completed one"),
            (None, "monthly", "web has no usable backup 'monthly': Choose a completed one"),
        ],
    )
    def test_that_is_not_to_be_had_is_refused_with_how_to_choose(
        self, backup_id: str | None, series: str | None, message: str
    ) -> None:
        with pytest.raises(UserError) as refused:
            self.choose(backup_id=backup_id, series=series)

        assert message in refusal(refused.value)

    def test_a_series_without_a_backup_before_the_time_is_refused(self) -> None:
        with pytest.raises(UserError, match="no usable backup 'nightly' created before 2026-03-01 12:00 UTC"):
            self.choose(series="nightly", age=9)

    def test_an_id_that_two_backups_have_is_refused(self) -> None:
        with pytest.raises(UserError, match="2 backups have the id 1"):
            choose(WEB, inventory(backup(1), backup("1")), backup_id="1", series=None, before=NOW)


class TestSame:
    CHOICE = choose(WEB, SEEN, backup_id="2", series=None, before=NOW)

    def test_what_was_shown_may_be_restored(self) -> None:
        same(self.CHOICE, SEEN.backups)

    @pytest.mark.parametrize(
        "now", [(), (backup(2, age=days(2), status="failed"),), (backup(2, age=days(2), server=DB),)]
    )
    def test_what_has_changed_or_gone_is_not(self, now: tuple[object, ...]) -> None:
        with pytest.raises(UserError, match="backup #2 is no longer what was shown; nothing was restored"):
            same(self.CHOICE, now)  # type: ignore[arg-type] # backups
