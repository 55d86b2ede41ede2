"""A pause by agreement, while applies run: before, between and during them, with a saved plan, and with `--max-age`."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from support.build import NOW, config
from support.faults import BY_NAME
from support.schedules import DB, WEB, item
from support.world import Crash, World

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.plan.planning import RunOptions
from reconcile.plan.saved import dump, parse
from reconcile.plan.stale import renewed

IN_A_MINUTE = "2026-03-10T12:01:00Z"
DELETES = [("delete", name) for name in ("db", "web")]
EVERYTHING = [("create", "db"), ("create", "web"), *DELETES]


def declared(web: str = "", settings: str = "") -> Config:
    """Declare a nightly series on `web` and on `db`; `web` and `settings` may hold a pause."""
    nightly = '{ description = "nightly", every = "1d", keep = 1 }'
    servers = (("web", 1, web), ("db", 2, ""))
    tables = (f"[servers.{name}]\nid = {id_}\n{more}\nbackups = [{nightly}]\n" for name, id_, more in servers)
    return config(f"[settings]\n{settings}\n{''.join(tables)}")


def pause(until: str, more: str = "") -> str:
    return f'pause = {{ until = {until}, reason = "moving"{more} }}'


def world_of(file: Config, **changes: Any) -> World:  # noqa: ANN401 - fields of World
    """Return a world in which both series are due, and `keep` then deletes the backup that each has."""
    backups = [item(number, server, "nightly", 2) for number, server in enumerate((WEB, DB), 1)]
    return World(config=file, servers=[dict(WEB), dict(DB)], backups=backups, **changes)


def changed(world: World) -> list[tuple[str, str]]:
    """Return what the service has carried out: create or delete, and the server."""
    return [(each.what, each.record["server"]["name"]) for each in world.record]


def requests() -> int:
    world = world_of(declared())
    world.apply()
    return len(world.requests)


@pytest.mark.parametrize("at", range(requests()))
def test_a_run_that_was_killed_changes_nothing_more_once_the_file_has_a_pause(at: int) -> None:
    world = world_of(declared(), faults={at: BY_NAME["crash_after"]})
    with suppress(Crash):
        world.apply()
    before = changed(world)
    world.faults = {}

    world.config = declared(settings=pause("2026-03-10"))
    world.wait(3600)
    world.apply()
    assert changed(world) == before
    assert world.converged[-1].is_complete

    world.config = declared()
    world.wait(3600)
    world.apply()
    assert sorted(changed(world)) == EVERYTHING


def test_a_pause_that_ends_in_the_minute_of_an_apply_holds_for_this_one_and_not_for_the_next() -> None:
    world = world_of(declared(web=pause(IN_A_MINUTE)), backup_seconds=120.0)

    world.apply()
    assert world.now() > NOW + timedelta(minutes=1), "it ended while the apply ran"
    assert {server for _, server in changed(world)} == {"db"}

    world.apply()
    assert {server for _, server in changed(world)} == {"db", "web"}


def test_a_pause_that_ends_between_two_rounds_is_over_in_the_second() -> None:
    world = world_of(declared(web=pause(IN_A_MINUTE)), backup_seconds=120.0)
    world.account.create(world.servers[1], "nightly")  # someone else's, so this apply waits for it and plans again

    world.apply()

    assert len(world.converged[-1].results) == 2
    assert sorted(changed(world)) == [("create", "web"), *DELETES]


def test_with_creates_the_deletes_wait_until_the_pause_is_over() -> None:
    world = world_of(declared(settings=pause(IN_A_MINUTE, ", creates = true")))

    world.apply()
    assert sorted(changed(world)) == [("create", "db"), ("create", "web")]
    assert world.converged[-1].is_complete

    world.wait(60)
    world.apply()
    assert [what for what, _ in changed(world)[2:]] == ["delete"] * 2


@pytest.mark.parametrize("creates", ["", ", creates = true"])
def test_a_saved_plan_that_a_pause_narrowed_is_stale_once_the_pause_is_over(creates: str) -> None:
    world = world_of(declared(web=pause(IN_A_MINUTE, creates)))
    saved: list[Plan] = []

    def save(inventory: Inventory) -> Plan:
        made = plan(resolve(world.config, inventory), inventory, inventory.observed_at)
        saved.append(parse(dump(made, "1"), "plan"))
        raise UserError("saved, and not applied")

    world.apply(make_plan=save)
    world.wait(60)
    refused = world.apply(make_plan=lambda inventory: renewed(saved[0], inventory))

    assert isinstance(refused, UserError)
    assert "web: its pause has ended" in [fact for each in refused.diagnostics for fact in each.facts]
    assert changed(world) == []


@pytest.mark.parametrize(("max_age", "is_complete"), [("1h", False), ("3d", True)])
def test_with_max_age_a_paused_series_without_a_young_backup_is_an_error(max_age: str, *, is_complete: bool) -> None:
    world = world_of(declared(web=pause("2026-03-10")), max_age=max_age)

    world.apply()

    assert world.converged[-1].is_complete == is_complete
    assert {server for _, server in changed(world)} == {"db"}


class TestABackupInProgressIsNotWaitedFor:
    """Once completed, it would let an older backup be deleted; but this run deletes none, whatever completes."""

    @staticmethod
    def begun(*, web: str = "") -> World:
        file = config(f'[servers.web]\nid = 1\n{web}\nbackups = [{{ description = "nightly", keep = 1 }}]')
        backups = [item(1, WEB, "nightly", 2), item(2, WEB, "nightly", 0.01, "in_progress")]
        return World(config=file, servers=[dict(WEB)], backups=backups)

    @staticmethod
    def check(world: World, **options: Any) -> None:  # noqa: ANN401 - as `World.apply`
        begun = world.time

        assert world.apply(**options) == []

        assert world.converged[-1].is_complete
        assert world.time - begun < timedelta(seconds=10)

    @pytest.mark.parametrize("options", [RunOptions(no_delete=True), RunOptions(wait=False)])
    def test_with_an_option(self, options: RunOptions) -> None:
        self.check(self.begun(), options=options)

    def test_while_its_server_is_paused(self) -> None:
        self.check(self.begun(web=pause("2026-03-20")))

    def test_by_a_saved_plan_which_is_carried_out_as_it_is(self) -> None:
        world = self.begun()

        def saved(inventory: Inventory) -> Plan:
            made = plan(resolve(world.config, inventory), inventory, inventory.observed_at)
            assert made.awaited != ()
            return renewed(parse(dump(made, "1"), "plan"), inventory)

        self.check(world, make_plan=saved)
