"""What `renamed_from` means: the old backups are planned for as if they had always carried the new description."""

from dataclasses import replace
from fnmatch import fnmatchcase

from hypothesis import assume, given
from hypothesis import strategies as st
from laws.test_planning import DESCRIPTIONS, configs, inventories
from support.build import make_plan

from reconcile.actual.inventory import Inventory, State
from reconcile.addresses import Address, BackupAddress
from reconcile.desired.config import Config, DeclaredServer
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id
from reconcile.plan.model import Create, Delete, Kept, Plan

Renames = dict[tuple[Id, str | None], str]
MAX_AGES = st.sampled_from([None, "6h", "2w"])


@st.composite
def renaming(draw: st.DrawFn) -> Config:
    """Draw a file in which some series were called otherwise before, by name or by a glob."""
    config = draw(configs())
    return replace(config, servers=tuple(draw(_renamed(server)) for server in config.servers))


@st.composite
def _renamed(draw: st.DrawFn, server: DeclaredServer) -> DeclaredServer:
    declared = {series.description for series in server.series}
    free = ["by hand", "gone", *({"nightly", "weekly"} - declared)]
    # "*ly" also matches the one of the two that is declared, which it must not take.
    globs = {"by hand": "[b]y *", "gone": "go?e"} | ({} if len(free) == 4 else {"nightly": "*ly", "weekly": "*ly"})
    spelled = {name: draw(st.sampled_from([name, globs.get(name, name)])) for name in sorted(free)}
    old = {spelled[name]: draw(st.integers(0, len(server.series))) for name in sorted(free)}
    series = (
        replace(each, renamed_from=tuple(name for name, place in old.items() if place == number))
        for number, each in enumerate(server.series)
    )
    return replace(server, series=tuple(series))


def without(config: Config) -> Config:
    """Return the file without its renames."""
    servers = (
        replace(server, series=tuple(replace(series, renamed_from=()) for series in server.series))
        for server in config.servers
    )
    return replace(config, servers=tuple(servers))


def relabelled(config: Config, seen: Inventory) -> Inventory:
    """Return the account as if the old backups had carried the new description."""
    new: Renames = {
        (server.id, held): series.description
        for server in config.servers
        for series in server.series
        for old in series.renamed_from
        for held in {*DESCRIPTIONS, "gone"} - {each.description for each in server.series}
        if held is not None and fnmatchcase(held, old)
    }
    backups = (
        replace(backup, description=new.get((backup.server_id, backup.description), backup.description))
        for backup in seen.backups
    )
    return replace(seen, backups=tuple(backups))


def substance(plan: Plan) -> object:
    """Return everything about a plan but the descriptions of backups, and the notes on renames."""
    return (
        [[_entry(entry) for entry in (*each.actions, *each.kept, *each.unmanaged)] for each in plan.servers],
        [backup.id for backup in plan.awaited],
        plan.loss,
        plan.errors,
        [warning.summary for warning in plan.warnings if not is_note(warning)],
    )


def is_note(warning: Diagnostic) -> bool:
    return warning.summary.startswith(("no backup has the old description", "no backup matches"))


def _entry(entry: Create | Delete | Kept) -> object:
    return type(entry), _without_rename(entry.address), entry.reason


def _without_rename(address: Address) -> Address:
    return replace(address, renamed_from=None) if isinstance(address, BackupAddress) else address


@given(renaming(), inventories(), MAX_AGES)
def test_planning_with_a_rename_is_planning_an_account_without_one(
    config: Config, seen: Inventory, max_age: str | None
) -> None:
    assume(not max_age or any(server.series for server in config.servers))  # a file without a series is refused then
    plan = make_plan(config, seen, max_age=max_age)
    plain = make_plan(without(config), relabelled(config, seen), max_age=max_age)

    assert substance(plan) == substance(plain)


@given(renaming(), inventories())
def test_removing_a_rename_of_which_nothing_is_left_changes_nothing(config: Config, seen: Inventory) -> None:
    old = [name for server in config.servers for each in server.series for name in each.renamed_from]
    relabelled_to = {each.id: each.description for each in relabelled(config, seen).backups}
    seen = replace(seen, backups=tuple(each for each in seen.backups if relabelled_to[each.id] == each.description))

    plan = make_plan(config, seen)

    assert substance(plan) == substance(make_plan(without(config), seen))
    assert len([warning for warning in plan.warnings if is_note(warning)]) == len(old)


@given(renaming(), inventories())
def test_a_backup_is_marked_as_renamed_just_if_it_has_an_old_description(config: Config, seen: Inventory) -> None:
    for server in make_plan(config, seen).servers:
        for series in server.series:
            entries: list[Delete | Kept] = [*series.deletes, *series.kept]
            for entry in entries:
                has_old = entry.backup.description != series.address.description
                assert (entry.address.renamed_from is not None) is has_old
                assert entry.address.description == entry.backup.description


@given(renaming(), inventories())
def test_however_much_is_pruned_a_rename_loses_nothing_that_retention_keeps(config: Config, seen: Inventory) -> None:
    config = replace(config, servers=tuple(replace(server, prune=True) for server in config.servers))

    kept = {entry.backup.id for entry in make_plan(without(config), relabelled(config, seen)).kept}

    lost = {delete.backup.id for delete in make_plan(config, seen).deletes if delete.backup.state is State.USABLE}
    assert not lost & kept
