"""What has changed since a record, and why: by the files of today, whatever else is in the folder."""

from collections.abc import Iterator
from dataclasses import replace
from weakref import ref

import pytest
from support.build import BASE_URL, NOW, backup, config, days, declare, inventory

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.diagnostics import UserError
from reconcile.insight.since import Cause, Since, is_comparable, since
from reconcile.insight.status import status
from reconcile.plan.planning import RunOptions
from reconcile.plan.record import Observation, Outline, Record, RecordedAction, RecordedRound

FILES = declare('{ description = "nightly", every = "1d", keep = 2 }')


def record(seen: Inventory, *actions: RecordedAction, ended: bool = True) -> Record:
    """Return the record of an apply with one round."""
    plan = Outline(planned_at=NOW, actions=actions, servers={}, rest="")
    return Record(
        version="1",
        command="apply",
        started_at=NOW - days(1),
        ended_at=NOW if ended else None,
        base_url=seen.base_url,
        options=RunOptions(),
        rounds=(RecordedRound(observed=Observation.of(seen, None), plan=plan),),
    )


def changes(*records: Record, now: Inventory, files: Config = FILES, targets: tuple[str, ...] = ()) -> Since:
    desired = select(resolve(files, now), now, targets)
    return since(((f"{number}.json", each) for number, each in enumerate(records)), status(desired, now, NOW))


def creation(outcome: str | None) -> RecordedAction:
    return RecordedAction(verb="create", address="web/nightly", outcome=outcome)


class TestSince:
    def test_a_backup_that_is_being_deleted_is_gone(self) -> None:
        before = inventory(*(backup(number, age=days(number)) for number in (1, 2, 3)))
        now = inventory(backup(1, age=days(1)), backup(2, age=days(2)), backup(3, age=days(3), status="deleting"))

        (gone,) = changes(record(before), now=now).gone

        assert (gone.backup.id, gone.backup.status, gone.cause) == (3, "completed", Cause.RULE)

    def test_a_time_that_is_not_readable_has_not_changed(self) -> None:
        before, now = (
            inventory(replace(backup(1, age=age, status=status), unreadable=("created_at",)))
            for age, status in ((days(1), "wat"), (days(0), "odd"))
        )

        found = changes(record(before), now=now).changed

        assert [(each.field, each.before, each.after) for each in found] == [("status", "wat", "odd")]

    def test_later_records_are_read_one_by_one(self) -> None:
        read: list[ref[Record]] = []

        def records() -> Iterator[tuple[str, Record]]:
            yield "first.json", record(inventory())
            for number in range(5):
                later = record(inventory(), replace(creation("succeeded"), backup_id=number))
                read.append(ref(later))
                yield "later.json", later

        seen = inventory(*(backup(number) for number in range(6)))
        found = since(records(), status(resolve(FILES, seen), seen, NOW))

        assert [each.cause for each in found.new] == [*[Cause.RUN] * 5, Cause.OTHERS]
        assert [each() is None for each in read[:3]] == [True] * 3

    def test_a_record_that_names_no_account_may_be_of_this_one(self) -> None:
        files = declare('{ description = "nightly" }', settings='account = "ops@example.com"')
        now = replace(inventory(backup(1)), account="ops@example.com")

        assert [each.backup.id for each in changes(record(inventory()), now=now, files=files).new] == [1]

    def test_a_target_may_be_a_server_that_did_not_exist_then(self) -> None:
        before, now = inventory(servers=(Server(id=9, name="old"),)), inventory(backup(1))
        files = declare('{ description = "nightly" }')

        assert [each.backup.id for each in changes(record(before), now=now, files=files, targets=("web",)).new] == [1]

    @pytest.mark.parametrize(
        "other",
        [replace(inventory(), base_url="https://other.example"), replace(inventory(), account="other@example.com")],
        ids=["service", "account"],
    )
    def test_a_later_record_of_another_account_explains_nothing(self, other: Inventory) -> None:
        now = replace(inventory(backup(1)), account="ops@example.com")
        created = replace(creation("succeeded"), backup_id=1)

        found = changes(record(inventory()), record(other, created), now=now)

        assert [each.cause for each in found.new] == [Cause.OTHERS]

    @pytest.mark.parametrize(
        ("outcome", "ended", "cause"),
        [
            (None, False, Cause.UNCERTAIN),
            ("unknown", True, Cause.UNCERTAIN),
            (None, True, Cause.OTHERS),
            ("failed", True, Cause.OTHERS),
        ],
    )
    def test_a_run_that_was_killed_may_have_created_what_it_planned(
        self, outcome: str | None, *, ended: bool, cause: Cause
    ) -> None:
        run = record(inventory(), creation(outcome), ended=ended)

        found = changes(run, now=inventory(backup(1), backup(2, "by hand")))

        assert [each.cause for each in found.new] == [cause, Cause.OTHERS]

    @pytest.mark.parametrize(
        ("altered", "message"),
        [
            ({"base_url": "https://other.example"}, f"0.json is a record of https://other.example, not of {BASE_URL}"),
            ({"rounds": ()}, "0.json contains no observation"),
        ],
        ids=str,
    )
    def test_a_record_of_another_account_or_without_an_observation_is_refused(
        self, altered: dict[str, object], message: str
    ) -> None:
        other = replace(record(inventory()), **altered)  # type: ignore[arg-type] # fields of a record

        assert not is_comparable(other, inventory())
        with pytest.raises(UserError, match=message):
            changes(other, now=inventory())

    def test_fleets_can_not_be_matched_in_a_record_of_a_token_without_permission_to_list_servers(self) -> None:
        files = config('[fleets.web]\nmatch = "*"\nbackups = [{ description = "nightly" }]')

        with pytest.raises(UserError, match=r"0\.json has no list of servers, so fleets can't be matched"):
            changes(record(inventory(servers=None)), now=inventory(), files=files)
