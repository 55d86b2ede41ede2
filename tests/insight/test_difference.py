"""The difference between two plans on one observation: what a change to the files causes."""

from itertools import groupby

import pytest
from support.build import NOW, WEB, backup, config, days, inventory

from reconcile.actual.inventory import Server
from reconcile.desired.desired import resolve
from reconcile.insight.difference import ActionChange, Difference, Fate, FileChange, compare, nested_changes
from reconcile.plan.planning import desired_for

DB = Server(id=2, name="db")
HELD = inventory(
    *(backup(number, age=days(number)) for number in range(1, 6)),
    backup(11, "by hand", age=days(9)),
    backup(21, age=days(0.1), server=DB),
    servers=(WEB, DB),
)
BEFORE = """\
[settings]
timezone = "UTC"

[policies.standard]
every = "1d"
keep = 4

[servers.web]
id = 1
backups = [{ description = "nightly", policy = "standard" }]

[servers.db]
id = 2
backups = [{ description = "nightly", policy = "standard" }]
"""
INLINE = 'id = 2\nbackups = [{ description = "nightly", every = "1d", keep = 4'


def changed(old: str, new: str, before: str = BEFORE) -> Difference:
    """Compare the files with what they are once `new` is in them instead of `old`."""
    assert old in before
    return of(before, before.replace(old, new))


def of(before: str, after: str) -> Difference:
    return compare(config(before), resolve(config(after), HELD), HELD, NOW)


def addresses(found: Difference) -> dict[str, list[str]]:
    return {fate: [str(each.action.address) for each in alike] for fate, alike in groupby(found.actions, _fate)}


def _fate(change: ActionChange) -> str:
    return change.fate


def files(found: Difference) -> list[tuple[object, ...]]:
    return [
        (each.table, each.names, (*([each.series] if each.series else []), *each.path), each.before, each.after)
        for each in found.files
    ]


def test_a_backup_that_a_policy_no_longer_keeps_is_the_changes_and_what_was_due_is_not() -> None:
    found = changed("keep = 4", "keep = 2")

    assert addresses(found) == {
        "new": ["web/nightly#3", "web/nightly#2"],
        "other reason": ["web/nightly#5", "web/nightly#4"],
    }
    assert [str(each.address) for each in found.in_any_case] == ["web/nightly", "web/nightly#5", "web/nightly#4"]
    assert files(found) == [("policies", ("standard",), ("keep", "last"), "4", "2")]
    assert found.policies == {"shorter": 2}
    assert not found.causes_nothing


@pytest.mark.parametrize(
    ("keep", "effect"),
    [
        ("9", "longer"),
        ('"all"', "longer"),
        ("{ last = 4, daily = 7 }", "longer"),
        ("3", "shorter"),
        ("{ last = 3, daily = 7 }", "other"),
        ("{ daily = 4 }", "other"),
        ('4\nmin_size = "2MiB"', None),
        ('4\n[policies.other]\nevery = "1w"', None),
    ],
)
def test_a_policy_is_longer_if_each_rule_that_differs_keeps_more(keep: str, effect: str | None) -> None:
    assert changed("keep = 4", f"keep = {keep}").policies == ({effect: 2} if effect else {})


def test_another_key_for_a_server_is_no_change() -> None:
    assert changed("[servers.web]\n", '[servers.front]\nname = "web"\n').is_empty


def test_an_error_is_the_same_under_another_key_and_in_another_line() -> None:
    rule = BEFORE.replace("[settings]", '[require]\nretention = "30d"\n[settings]')
    found = changed("[servers.web]\n", '\n\n[servers.front]\nname = "web"\n', rule)

    assert len(found.after.errors) == 2
    assert found.is_empty


def test_one_more_of_the_same_warning_is_one_more() -> None:
    without_keep = 'backups = [{ description = "nightly", every = "1d" }]'
    before = BEFORE.replace('backups = [{ description = "nightly", policy = "standard" }]', without_keep, 1)
    after = BEFORE.replace('backups = [{ description = "nightly", policy = "standard" }]', without_keep)

    assert [each.summary for each in of(before, after).appeared] == [
        "the series 'nightly' has an every and no keep, so no backup is ever deleted"
    ]
    assert len(of(after, before).resolved) == 1


def test_keys_that_two_servers_exchange_are_no_change() -> None:
    after = (
        BEFORE.replace("servers.web", "servers.x")
        .replace("servers.db", "servers.web")
        .replace("servers.x", "servers.db")
    )
    after = after.replace("id = 1", 'id = 1\nname = "web"').replace("id = 2", 'id = 2\nname = "db"')

    assert of(BEFORE, after).is_empty


def test_a_server_that_is_gone_does_not_share_its_key_with_the_one_that_has_it_now() -> None:
    after = BEFORE[: BEFORE.index("[servers.db]")].replace("[servers.web]", '[servers.db]\nname = "web"')

    found = of(BEFORE, after)

    assert [server.key for server in found.before.servers] == ["db", "server-2"]
    assert [(server.key, server.held) for server in found.left] == [("server-2", 1)]


def test_a_target_selects_a_server_by_its_new_key_in_both_files() -> None:
    after = config(BEFORE.replace("[servers.web]\n", '[servers.front]\nname = "web"\n').replace("keep = 4", "keep = 2"))
    found = compare(config(BEFORE), desired_for(after, HELD, ("front",)), HELD, NOW)

    assert addresses(found)["new"] == ["front/nightly#3", "front/nightly#2"]


def test_a_server_that_is_gone_leaves_its_backups() -> None:
    found = changed('[servers.web]\nid = 1\nbackups = [{ description = "nightly", policy = "standard" }]\n', "")

    assert [(server.key, server.held) for server in found.left] == [("web", 6)]
    assert addresses(found) == {"gone": ["web/nightly", "web/nightly#5", "web/nightly#4"]}
    ((kind, names, path, before, after),) = files(found)
    assert (kind, names, path, after) == ("servers", ("web",), (), None)
    assert before == {"series": {"nightly": {"every": "1d", "keep": {"last": "4"}}}}


def test_a_server_that_moves_into_a_fleet_differs_only_by_that() -> None:
    found = changed("[servers.db]\nid = 2", '[fleets.data]\nmatch = "d*"')

    assert found.causes_nothing
    assert [each[:3] for each in files(found)] == [("fleets", ("data",), ()), ("servers", ("db",), ("fleet",))]


def test_a_fleet_that_a_typo_empties_warns_and_leaves_its_servers() -> None:
    fleet = BEFORE.replace("[servers.web]\nid = 1", '[fleets.web]\nmatch = "w*"')
    found = changed('match = "w*"', 'match = "wbe*"', fleet)

    assert [server.key for server in found.left] == ["web"]
    assert [each.summary for each in found.appeared] == ["fleet 'web' matches no server"]
    assert files(found)[:2] == [
        ("fleets", ("web",), ("match", "w*"), "", None),
        ("fleets", ("web",), ("match", "wbe*"), None, ""),
    ]


def test_the_series_of_a_fleet_counts_for_each_of_its_members() -> None:
    fleet = BEFORE[: BEFORE.index("[servers.web]")] + (
        '[fleets.all]\nmatch = "*"\nbackups = [{ description = "nightly", policy = "standard" }]\n'
    )
    found = changed("keep = 4", "keep = 5", fleet)

    assert files(found) == [("policies", ("standard",), ("keep", "last"), "4", "5")]
    assert found.policies == {"longer": 2}
    assert addresses(found) == {"gone": ["web/nightly#4"], "other reason": ["web/nightly#5"]}


def test_what_the_settings_give_every_server_is_one_change() -> None:
    more = 'prune = "7d"\nignore = ["x*"]\nmin_size = "2MiB"\nmax_shrink = "9%"\nday_start = "02:30"\n'
    pause = 'pause = { until = 2026-03-12, reason = "moving", creates = true }\n'
    found = changed("[settings]\n", f"[settings]\n{more}{pause}")

    assert [each[2:] for each in files(found)] == [
        (("day_start",), "18:00", "02:30"),
        (("ignore", "x*"), None, ""),
        (("max_shrink",), "20%", "9%"),
        (("min_size",), "1MiB", "2MiB"),
        (("pause",), None, {"until": "2026-03-12", "reason": "moving", "creates": "true"}),
        (("prune",), "false", "7d"),
    ]
    assert {each.table for each in found.files} == {"settings"}
    assert addresses(found) == {
        "new and withheld": ["web/by hand#11"],
        "now withheld": ["web/nightly#5", "web/nightly#4"],
    }


def test_a_setting_that_is_in_no_table_changes_the_plan_of_every_server() -> None:
    found = changed("[settings]", '[settings]\nmin_size = "2GiB"')

    assert addresses(found) == {
        "new": ["web/nightly#3", "web/nightly#2"],
        "other reason": ["web/nightly#5", "web/nightly#4"],
    }


def test_a_change_that_the_targets_do_not_select_is_not_shown() -> None:
    before = '[fleets.web]\nmatch = "web"\n[fleets.data]\nmatch = "db"\nprune = "7d"\n'
    after = desired_for(config(before.replace("7d", "9d")), HELD, ("fleet:web",))

    assert compare(config(before), after, HELD, NOW).files == ()


def test_a_list_is_shown_in_one_order() -> None:
    places = ["rome", "paris", "oslo", "bonn", "york"]
    found = changed("[settings]", f'[fleets.more]\nmatch = "x"\nlocation = {places}\n[settings]')

    (change,) = found.files
    assert isinstance(change.after, dict)
    assert list(change.after["location"]) == sorted(places)


def test_a_rule_of_require_shows_its_breaches() -> None:
    found = changed("[settings]", '[require]\nretention = "30d"\n[settings]')

    assert files(found) == [("require", (), ("retention",), None, "30d")]
    assert [each.severity for each in found.appeared] == ["error", "error"]
    assert {each.fate for each in found.actions} == {Fate.NOW_WITHHELD}
    back = changed(
        '[require]\nretention = "30d"\n', "", BEFORE.replace("[settings]", '[require]\nretention = "30d"\n[settings]')
    )
    assert [each.summary for each in back.resolved] == [each.summary for each in found.appeared]


def test_servers_that_change_alike_are_one_change() -> None:
    many = "".join(
        f"[servers.s{number}]\nid = {number}\nbackups = [{{ description = 'x', keep = 3 }}]\n"
        for number in range(3, 43)
    )

    (change,) = changed("keep = 3", "keep = 4", many).files

    assert change == FileChange(
        table="servers",
        names=tuple(f"s{number}" for number in range(3, 43)),
        series="x",
        path=("keep", "last"),
        before="3",
        after="4",
        reach=40,
    )


def test_the_last_series_of_a_server_may_come_and_go() -> None:
    nightly = 'id = 2\nbackups = [{ description = "nightly", policy = "standard" }]'
    written = {"every": "1d", "keep": {"last": "4"}}

    gone = changed(nightly, "id = 2\nbackups = []")
    come = changed("id = 2\nbackups = []", nightly, BEFORE.replace(nightly, "id = 2\nbackups = []"))

    assert [(each.series, each.before, each.after) for each in gone.files] == [("nightly", written, None)]
    assert [(each.series, each.before, each.after) for each in come.files] == [("nightly", None, written)]


def test_a_name_that_begins_with_underscores_is_one_as_any_other() -> None:
    fleet = '[fleets.__all]\nmatch = "__x"\nbackups = [{ description = "__y", every = "1d" }]\n'

    assert files(changed('"1d"', '"2d"', fleet)) == [("fleets", ("__all",), ("__y", "every"), "1d", "2d")]
    assert [each[2] for each in files(changed("__x", "__z", fleet))] == [("match", "__x"), ("match", "__z")]


def test_a_series_called_every_has_a_policy_as_any_other() -> None:
    assert changed("keep = 4", "keep = 5", BEFORE.replace("nightly", "every")).policies == {"longer": 2}


def test_a_fleet_that_prunes_as_the_settings_do_does_so_by_itself() -> None:
    fleet = '[settings]\nprune = false\n[fleets.all]\nmatch = "*"\nprune = false\n'

    assert files(changed("prune = false", 'prune = "7d"', fleet)) == [
        ("settings", (), ("prune",), "false", "7d"),
        ("fleets", ("all",), ("prune",), "false", "7d"),
    ]


def test_a_changed_policy_is_one_change_with_the_series_that_take_it() -> None:
    other = BEFORE.replace('"nightly", policy = "standard" }]\n\n', '"nightly", policy = "standard", keep = 9 }]\n\n')
    found = changed("keep = 4", "keep = 5", other)

    (policy,) = found.files
    assert (policy.table, policy.names, policy.path, policy.reach) == ("policies", ("standard",), ("keep", "last"), 1)
    assert found.policies == {"longer": 1}


def test_the_same_change_outside_a_changed_policy_is_a_change_of_its_own() -> None:
    inline = BEFORE.replace('id = 2\nbackups = [{ description = "nightly", policy = "standard"', INLINE)
    found = changed("keep = 4", "keep = 5", inline)

    assert files(found) == [
        ("policies", ("standard",), ("keep", "last"), "4", "5"),
        ("servers", ("db",), ("nightly", "keep", "last"), "4", "5"),
    ]
    assert found.policies == {"longer": 2}


def test_a_policy_that_no_series_has_is_named_when_it_changes() -> None:
    (change,) = changed("keep = 3", "keep = 5", BEFORE + "[policies.spare]\nkeep = 3\n").files

    assert (change.names, change.before, change.after, change.reach) == (("spare",), "3", "5", 0)


def test_another_name_for_a_policy_is_no_change() -> None:
    assert of(BEFORE, BEFORE.replace("policies.standard", "policies.base").replace('"standard"', '"base"')).is_empty


def test_what_a_target_does_not_select_is_still_declared() -> None:
    before = config('[fleets.all]\nmatch = "*"\n')
    after = config('[fleets.all]\nmatch = "*"\n[servers.web]\nid = 1\nbackups = []\n')
    found = compare(before, desired_for(after, HELD, ("fleet:all",)), HELD, NOW)

    assert (found.left, found.files) == ((), ())


def test_another_id_for_a_server_is_a_change_of_its_table() -> None:
    found = changed("[servers.web]\nid = 1", '[servers.web]\nid = 3\nname = "new"')

    assert files(found) == [
        ("servers", ("web",), ("id",), "1", "3"),
        ("servers", ("web",), ("name",), "web", "new"),
    ]
    assert [server.id for server in found.left] == [1]


def test_every_value_that_differs_has_its_path_whatever_its_name() -> None:
    before = {"a": {"x": 1}, "__b": {"x": 1}, "c": {"x": 1}}
    after = {"a": {"x": 2}, "__b": {"x": 2}, "d": {"x": 1}}

    assert sorted(nested_changes(before, after), key=lambda each: str(each[0])) == [
        (["__b", "x"], 1, 2),
        (["a", "x"], 1, 2),
        (["c"], {"x": 1}, None),
        (["d"], None, {"x": 1}),
    ]
