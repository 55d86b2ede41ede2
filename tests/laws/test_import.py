"""`import`, then `plan`: nothing to do, whatever the account holds."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.build import NOW, backup, config, inventory

from reconcile.actual.inventory import Inventory, Server
from reconcile.plan.declare import declare
from reconcile.plan.planner import plan
from reconcile.report.declaration_toml import declaration_toml

STATUSES = ["completed", "completed", "in_progress", "failed", "archiving", "\x1b["]
ODD = ["q\"uo'te", "dot.ted", "🐘", "back\\slash", "\x1b[31m", "a/b", " blank ", "", "line\nbreak", "nightly"]
words = st.one_of(st.sampled_from(ODD), st.text(max_size=12))
ages = st.integers(-3600 * 48, 3600 * 24 * 400).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def accounts(draw: st.DrawFn) -> Inventory:
    ids = draw(st.lists(st.one_of(st.integers(1, 99), st.uuids().map(str)), max_size=4, unique=True))
    servers = [Server(id=it, name=draw(words)) for it in ids]
    held = [
        backup(
            number,
            draw(st.one_of(words, st.none())),
            age=draw(ages),
            status=draw(st.sampled_from(STATUSES)),
            server=draw(st.sampled_from(servers)),
        )
        for number in range(draw(st.integers(0, 12)) if servers else 0)
    ]
    return inventory(*held, servers=draw(st.sampled_from([tuple(servers), tuple(servers), None])))


@settings(max_examples=1000)
@given(accounts())
def test_import_then_plan_says_no_changes(seen: Inventory) -> None:
    text = declaration_toml(declare(seen, NOW), seen.base_url, NOW)

    declared = config(text)
    assert plan(declared, seen, NOW).actions == ()
    known = {it.id for it in seen.servers} if seen.servers is not None else {it.server_id for it in seen.backups}
    assert {it.id for it in declared.servers} == known


@given(accounts(), st.data())
def test_what_is_declared_already_is_not_declared_again(seen: Inventory, data: st.DataObject) -> None:
    whole = config(declaration_toml(declare(seen, NOW), seen.base_url, NOW))
    some = data.draw(st.sets(st.sampled_from(whole.servers))) if whole.servers else set()
    existing = replace(whole, servers=tuple(it for it in whole.servers if it in some))

    rest = config(declaration_toml(declare(seen, NOW, existing=existing), seen.base_url, NOW))

    assert {it.id for it in rest.servers} == {it.id for it in whole.servers} - {it.id for it in some}
    assert not {it.key for it in rest.servers} & {it.key for it in some}
