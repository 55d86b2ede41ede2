"""The record of a run: read back as it was written, and small enough to keep every night."""

from dataclasses import replace

import pytest
from support.build import NOW, backup, config, days, hours, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.desired.locate import Source
from reconcile.diagnostics import UserError
from reconcile.plan.planning import RunOptions
from reconcile.plan.record import Observation, Record, RecordedFile, RecordedRound, RestoreOptions, dump, outline, parse

MOST_BYTES = 8 * 1024 * 1024 / 100_000
"""For each backup: 5,000 servers with 100,000 backups take at most 8 MiB."""
RECORD = Record(
    version="1", command="apply", started_at=NOW, base_url="https://x", options=RunOptions(targets=("web",))
)


def test_what_was_observed_is_read_back_though_a_later_round_has_only_what_changed() -> None:
    kept, changed, gone, new = (backup(number, age=days(number), expires_at=NOW) for number in (1, 2, 3, 4))
    first = inventory(kept, changed, gone, servers=(Server(id=1, name="web"),))
    second = replace(first, backups=(kept, replace(changed, status="failed"), new))
    rounds = (
        RecordedRound(observed=Observation.of(first, None)),
        RecordedRound(observed=Observation.of(second, first)),
    )

    found = parse(dump(replace(RECORD, base_url=first.base_url, rounds=rounds)), "x")

    assert found.inventories == (first, second)
    assert [len(each.observed.backups) for each in found.rounds] == [3, 2]
    assert [each.observed.altered for each in found.rounds] == [[], []]


@pytest.mark.parametrize("options", [RunOptions(no_delete=True), RestoreOptions(server="web", before=NOW)])
def test_the_options_of_an_apply_and_of_a_restore_are_read_back(options: RunOptions | RestoreOptions) -> None:
    assert parse(dump(replace(RECORD, options=options)), "x").options == options


def test_a_file_whose_name_is_no_text_can_be_recorded_and_read_back() -> None:
    file = RecordedFile.of(Source(filename="\udcff.toml", text="a\nb"))

    (found,) = parse(dump(replace(RECORD, files=(file,))), "x").files

    assert (found.name, found.altered) == ("?.toml", [])


def test_lines_that_were_changed_or_removed_are_named_and_a_changed_digest_too() -> None:
    file = RecordedFile.of(Source(filename="x.toml", text="a\nb\nc"))

    assert replace(file, text="a\nB\nc").altered == ["x.toml:2"]
    assert replace(file, text="a\nb").altered == ["x.toml:3"]
    assert replace(file, sha256="").altered == ["x.toml"]


def test_a_backup_listed_twice_is_damage() -> None:
    seen = Observation.of(inventory(backup(1)), None)
    rounds = (RecordedRound(observed=replace(seen, backups=seen.backups * 2)),)

    with pytest.raises(UserError, match="x is damaged: not an inventory: listed twice"):
        parse(dump(replace(RECORD, rounds=rounds)), "x")


def test_a_record_with_a_create_and_a_delete_on_each_of_many_servers_is_small() -> None:
    servers = [
        Server(id=10_000 + number, name=f"web-{number:04}.prod.example", status="active") for number in range(200)
    ]
    seen = inventory(
        *(
            replace(
                backup(500_000 + 20 * at + night, age=hours(26) + days(night) + hours(at / 1000)),
                server_id=server.id,
                server_name=server.name,
                size_mb=3000 + at * 17 + night,
            )
            for at, server in enumerate(servers)
            for night in range(20)
        ),
        servers=tuple(servers),
    )
    tables = (
        f"[servers.'{server.name}']\nid = {server.id}\n"
        "backups = [{ description = 'nightly', every = '1d', keep = 20 }]\n"
        for server in servers
    )
    declared = config("".join(tables))
    plan = make_plan(declared, seen)
    assert len(plan.actions) == 2 * len(servers)
    rounds = (RecordedRound(observed=Observation.of(seen, None), plan=outline(plan, frozenset())),)

    text = dump(replace(RECORD, files=tuple(map(RecordedFile.of, declared.sources)), rounds=rounds))

    assert len(text) < MOST_BYTES * len(seen.backups)
