"""The plan for eyes: what goes, what is withheld, what is wrong, in as few lines as possible."""

from dataclasses import replace

from support.build import WEB, backup, config, days, declare, hours, inventory, make_plan
from support.render import shown

from reconcile.actual.inventory import Server
from reconcile.outcomes import Planned
from reconcile.plan.model import Plan
from reconcile.report.plan.text import plan_text, planned_text

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 2 }')
PAIR = (WEB, Server(id=2, name="db"))
MANY = tuple(backup(number, age=days(number)) for number in range(1, 31))


def text(plan: Plan, *, verbose: bool = False, width: int = 1000) -> str:
    return shown(plan_text(plan, verbose=verbose), width)


def verdict(plan: Plan) -> list[str]:
    return f"\n{text(plan)}".split("\n\n")[-1].splitlines()


def test_nothing_to_do() -> None:
    assert verdict(make_plan(NIGHTLY, inventory(backup(1)))) == [
        "No changes. The account matches the files: 1 backup unchanged, 0 unmanaged.",
        "1 server at https://vps.example/api/v1, times in UTC",
    ]


def test_what_is_withheld_says_the_figures_and_the_way_out() -> None:
    plan = make_plan(NIGHTLY, inventory(*MANY))

    assert verdict(plan) == [
        "Plan: 1 to create, 29 to delete (28 withheld); 1 backup unchanged, 0 unmanaged.",
        "1 server at https://vps.example/api/v1, times in UTC",
        (
            "Withheld: 28 deletes. The plan would lose 28 of 30 backups with data on the declared servers; the limit "
            "is 6 (max_shrink: 20% of these, at least 3). To allow this loss for one run: reconcile apply "
            "--allow-loss 28"
        ),
    ]
    assert "  !  nightly: 28 backups  2d to 29d, 28.0 GiB  withheld: not kept by last=2" in text(plan)
    assert text(plan).count("not kept by last=2") == 2, "of which one goes"
    assert text(plan, verbose=True).count("withheld: not kept") == 28


def test_a_loss_that_leaves_only_undersized_backups_is_said_to_leave_no_usable_one() -> None:
    declared = declare('{ description = "nightly" }', server="prune = true", settings='min_size = "1GiB"')
    plan = make_plan(declared, inventory(backup(1, size_mb=1), backup(2, "by hand"), backup(3, status="pending")))

    assert "would lose 1 of 2 backups with data on the declared servers; no usable backup would be left." in text(plan)


def test_a_reason_that_many_backups_of_a_series_share_is_given_once() -> None:
    plan = make_plan(NIGHTLY, inventory(*(backup(number, age=days(6 - number)) for number in range(1, 5))))

    reasons = [line.split("GiB")[1].strip() for line in text(plan).splitlines() if line.startswith("  -")]
    assert reasons == ["not kept by last=2", "not kept", "not kept"]


def test_the_age_of_the_newest_backup_is_given_once() -> None:
    many = tuple(backup(number, age=days(number)) for number in range(1, 31))
    keeps_all = declare('{ description = "nightly", every = "1d", keep = "all" }')

    assert text(make_plan(keeps_all, inventory(*many))).splitlines()[1:3] == [
        "  +  nightly  newest is 1d old, due every 1d",
        "     nightly  30 kept",
    ]


def test_what_is_allowed_in_this_run_is_not_withheld() -> None:
    plan = make_plan(NIGHTLY, inventory(*MANY))

    run = shown(planned_text(Planned(plan=plan, withheld={}), verbose=False))

    assert "withheld" not in run.lower()
    assert "Plan: 1 to create, 29 to delete; 1 backup unchanged, 0 unmanaged." in run


def test_errors_and_what_is_left_of_the_plan() -> None:
    plan = make_plan(NIGHTLY, inventory(servers=()))

    assert "the account has no server" not in text(plan), "errors are not the result: they go to stderr"
    assert verdict(plan) == [
        "No changes to what could be planned: 0 backups unchanged, 0 unmanaged.",
        "0 servers at https://vps.example/api/v1, times in UTC",
        "Incomplete plan: 1 error. Everything else is planned.",
    ]


def test_what_is_awaited_and_what_was_not_asked_for() -> None:
    held = (backup(1, age=hours(20)), backup(2, status="queued"))

    assert verdict(
        make_plan(declare('{ description = "nightly", every = "1d", keep = 1 }'), inventory(*held), "web")
    ) == [
        "This plan covers only --target web.",
        "No changes. The account matches the files: 2 backups unchanged, 0 unmanaged.",
        "1 server at https://vps.example/api/v1, times in UTC",
        "Apply waits for 1 backup in progress to complete, then plans again.",
    ]


class TestWhatStays:
    SERVERS = (WEB, Server(id=2, name="db-server"))
    FILE = config(
        '[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 30 }]\n'
        '[servers.db]\nname = "db-server"\nid = 2\nbackups = [{ description = "nightly" }, { description = "new" }]\n'
    )
    PLAN = make_plan(
        FILE,
        inventory(
            *MANY,
            backup(40, server=SERVERS[1]),
            backup(41, "x", server=SERVERS[1]),
            backup(42, "y", server=SERVERS[1]),
            servers=SERVERS,
        ),
    )

    def test_is_summed_up_where_it_is_much(self) -> None:
        assert text(self.PLAN).splitlines()[:5] == [
            "db (2, db-server)",
            "     nightly    1 kept  newest 0s",
            "  +  new        missing: no backup exists",
            "  ?  2 backups          unmanaged (-v shows them)",
            "1 server with nothing to do (-v shows all)",
        ]

    def test_is_shown_one_by_one_with_its_date_if_asked_for(self) -> None:
        lines = text(self.PLAN, verbose=True).splitlines()

        assert lines[0] == "web (1)"
        assert lines[1] == "     nightly#30  2026-02-08 12:00, 1.0 GiB  kept: last=30"
        assert sum("kept: last=30" in line for line in lines) == 30
        assert sum("unmanaged: prune = false" in line for line in lines) == 2

    def test_is_shown_one_by_one_where_it_is_little(self) -> None:
        assert "     nightly#1  3h, 1.0 GiB  kept: last=2" in text(
            make_plan(NIGHTLY, inventory(backup(1, age=hours(3))))
        )


def test_a_name_is_shortened_on_a_narrow_terminal_and_no_row_wraps() -> None:
    name = "a-name-of-fifty-characters-that-is-far-too-long-xx"
    plan = make_plan(
        declare(f'{{ description = "{name}", every = "1d", keep = 1 }}'), inventory(backup(1, name, age=days(3)))
    )

    lines = text(plan, width=80).splitlines()

    assert lines[1:3] == [
        "  +  a-name-of-fifty-chara…t-is-far-too-long-xx  newest is 3d old, due every 1d",
        "  -  a-name-of-fifty-chara…is-far-too-long-xx#1  3d, 1.0 GiB  not kept by last=1",
    ]
    assert max(map(len, lines)) <= 80


def test_a_long_reason_that_series_share_is_given_once_below_the_table() -> None:
    def fleet(*series: str) -> str:
        held = (
            backup(f"{each.id} {n} {k}", "ab"[n], age=days(30 * k), server=each)
            for each in PAIR
            for n in (0, 1)
            for k in (1, 2)
        )
        declared = f'[settings]\nmax_shrink = "100%"\n[fleets.all]\nmatch = "*"\nbackups = [{", ".join(series)}]\n'
        return text(make_plan(config(declared), inventory(*held, servers=PAIR)))

    long = "keep = { hourly = 1, daily = 1, weekly = 1 }"
    one = fleet(f'{{ description = "a", {long} }}', '{ description = "b" }').splitlines()
    two = fleet(f'{{ description = "a", {long} }}', '{ description = "b", keep = 1 }').splitlines()

    assert sum(line.endswith("GiB  not kept") for line in one) == 2
    assert [line for line in one if "hourly=1" in line and "kept:" not in line] == [
        "not kept by hourly=1, daily=1, weekly=1"
    ]
    assert sum(line.endswith("GiB  not kept (1)") for line in two) == 2
    assert sum(line.endswith("GiB  not kept by last=1") for line in two) == 2
    assert "(1) not kept by hourly=1, daily=1, weekly=1" in two


def test_a_dated_name_needs_no_sign_that_it_belongs_to_another_series() -> None:
    series = '{ description = "auto", renamed_from = ["auto-*", "daily"], keep = 9 }'

    rows = text(
        make_plan(declare(series), inventory(backup(1, "auto-2026-03-09"), backup(2, "daily"), backup(3, "auto")))
    )

    assert [row.split("  ")[2] for row in rows.splitlines()[1:4]] == [
        " auto-2026-03-09#1",
        " daily#2 (renamed)",
        " auto#3",
    ]


def test_a_name_of_the_longest_kind_is_whole_in_a_pipe() -> None:
    plan = make_plan(declare(f'{{ description = "{"z" * 150}", keep = 1 }}'), inventory())

    assert f"  +  {'z' * 150}  missing: no backup exists" in text(plan)
    assert text(plan, width=80).count("z") < 50


def test_a_time_at_the_end_of_the_calendar_is_shown() -> None:
    rome = declare("", server='prune = "9999y"', settings='timezone = "Europe/Rome"')

    assert "will be pruned at 9999-12-31 23:59 (prune = 9999y)" in text(
        make_plan(rome, inventory(backup(1, "x"))), verbose=True
    )


def test_nothing_from_outside_acts_in_it() -> None:
    hostile = Server(id="1\x1b[2J", name="::error::web\n##[group]")
    declared = config(
        '[servers.web]\nid = "1\\u001b[2J"\nname = "::error::web\\n##[group]"\nprune = true\n'
        'backups = [{ description = "::error::x", keep = 1 }]\n'
    )
    held = (backup(1, "##[error]y", server=hostile), backup("#[error]", "z#", server=hostile, status="\x1b[5m"))
    plan = make_plan(declared, inventory(*held, servers=(hostile,)))
    plan = replace(plan, base_url="https://vps.example/\x1b")

    for verbose in (False, True):
        for width in (20, 80, 1000):
            lines = text(plan, verbose=verbose, width=width)
            assert "\x1b" not in lines
            assert "##[" not in lines
            assert not [line for line in lines.splitlines() if line.lstrip().startswith("::")]
