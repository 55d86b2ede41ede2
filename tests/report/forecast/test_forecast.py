"""A forecast and a comparison in each format."""

from typing import Any

import pytest
from markdown_it import MarkdownIt
from support.build import NOW, backup, config, days, declare, inventory
from support.render import shown, value

from reconcile.actual.inventory import Backup
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.insight.forecast import Forecast, Schedule, compare, forecast, without_account
from reconcile.report.document import Document
from reconcile.report.forecast import forecast_json, forecast_markdown, forecast_text


def servers(number: int, keep: str = "7") -> Config:
    series = f'backups = [{{ description = "nightly", every = "1d", keep = {keep} }}]'
    return config("".join(f"[servers.s{each}]\nid = {each}\n{series}\n" for each in range(number)))


def look(declared: Config, *backups: Backup, size_mb: float | None = 1536, ahead: int = 90) -> Forecast:
    account = inventory(*backups)
    if not backups:
        declared, account = without_account(declared, NOW)
    schedule = Schedule(start=NOW, days=ahead, every=Duration(days=1))
    return forecast(resolve(declared, account), account, schedule, size_mb=size_mb)


def text(document: Document) -> str:
    assert isinstance(document, str)
    return document


def in_text(found: Forecast, *, verbose: bool = False, width: int = 80) -> str:
    return shown(forecast_text(found, verbose=verbose), width)


def test_a_forecast_in_80_columns() -> None:
    assert in_text(look(servers(1))) == (
        "An empty account, with an apply every 1d from 2026-03-10 to 2026-06-07\n"
        "\n"
        "s0/nightly: every 1d, keep last=7\n"
        "  in 90 days    7 backups, 10.5 GiB\n"
        "  at its peak   7 backups and 10.5 GiB on 2026-03-16\n"
        "  each month    30 created, 28 deleted\n"
        "  reaches back  to 2026-06-01, 6d before the end\n"
        "  longest gap   1d between two backups\n"
        "  settles       on 2026-03-17\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("ahead", "label"),
    [(1, "in a day"), (30, "in 30 days"), (365, "in a year"), (730, "in 2 years"), (366, "in 366 days")],
)
def test_the_end_is_named_as_a_person_would(ahead: int, label: str) -> None:
    assert f"\n  {label} " in in_text(look(servers(1), ahead=ahead))


@pytest.mark.parametrize(
    ("number", "month"),
    [
        (16, "480 created, 480 deleted"),  # and not 478.7
        (1, "30 created, 30 deleted"),
    ],
)
def test_how_much_changes_is_rounded_as_a_person_would(number: int, month: str) -> None:
    assert f"  each month    {month}\n" in in_text(look(servers(number, "2"), ahead=364))


def test_a_backup_a_year_is_less_than_one_each_month() -> None:
    declared = config('[servers.web]\nid = 1\nbackups = [{ description = "yearly", every = "1y", keep = 1 }]')

    assert "each month    less than one created, none deleted" in in_text(look(declared, ahead=300))


def test_what_does_not_change_is_said_to_be_as_before() -> None:
    found = compare(look(servers(1, "20")), look(servers(1, '{ last = 20, within = "1d" }')))

    lines = shown(forecast_text(found, verbose=False), 80).splitlines()
    assert "  at its peak   20 as before; 30.0 GiB as before" in lines
    assert "  reaches back  to 2026-05-19, as before" in lines


def test_a_forecast_of_an_account_names_what_it_holds_and_its_sum() -> None:
    once = '{ description = "Pre-update backup" }, { description = "nightly", every = "1d", keep = 2 }'
    held = (
        backup(1, age=days(10), description="Pre-update backup"),
        backup(2, age=days(3), size_mb=512),
        backup(3, age=days(60), description="old"),
    )
    found = look(declare(once, server='prune = "90d"'), *held)

    shown_ = in_text(found, width=1000)
    assert shown_.startswith("The account at https://vps.example/api/v1, with an apply every 1d from 2026-03-10 to ")
    assert "\nweb/Pre-update backup: created once, keep last=all\n" in shown_
    assert "\nweb, undeclared backups\n  in 90 days    0 backups\n" in shown_
    assert "\nAll: 3 series\n  in 90 days    3 backups, 2.0 GiB\n" in shown_
    in_full = in_text(found, verbose=True, width=1000)
    assert "nightly: every 1d, keep last=2, 512 MiB each (from its own backups)\n" in in_full
    assert "\nweb, undeclared backups\n" in in_full


def test_the_most_backups_and_the_largest_size_may_be_on_different_days() -> None:
    declared = declare('{ description = "nightly", every = "1d", keep = 3 }')
    held = (backup(1, age=days(2), size_mb=9999), backup(2, age=days(3), size_mb=1))  # their median is 5,000

    assert "  at its peak   3 backups on 2026-03-10, 19.5 GiB on 2026-03-11\n" in in_text(look(declared, *held))


def test_many_series_are_shown_by_policy_and_one_by_one_on_demand() -> None:
    found = look(servers(40))

    assert "every 1d, keep last=7: 40 series\n  in 90 days    280 backups" in in_text(found)
    assert "s39/nightly" not in in_text(found)
    assert "s39/nightly: every 1d, keep last=7, 1.5 GiB each (from --size-mb)" in in_text(found, verbose=True)
    ten = declare(", ".join(f'{{ description = "{number}" }}' for number in range(10)))
    assert "undeclared backups: 1 series\n  in 90 days    1 backup, 1.0 GiB" in in_text(look(ten, backup(1)))


def test_a_fleet_has_a_row_of_its_own() -> None:
    fleet = '[fleets.web]\nmatch = "*"\n[[fleets.web.backups]]\ndescription = "nightly"\n'

    assert "fleet web: as one server\n  in 90 days    1 backup" in in_text(look(config(fleet)))
    assert "fleet web\n  in 90 days    1 backup" in in_text(look(config(fleet), backup(1)))


def test_a_forecast_of_nothing_has_a_warning_and_no_rows() -> None:
    nothing = look(config(""))

    assert in_text(nothing).startswith("warning: no series is declared\n")
    assert in_text(nothing).endswith("An empty account, with an apply every 1d from 2026-03-10 to 2026-06-07\n\n")
    assert "warning" not in in_text(compare(nothing, nothing))


def test_what_is_not_known_is_said() -> None:
    shown_ = in_text(look(servers(2), size_mb=None))

    assert "GiB" not in shown_
    assert "The sizes leave out new backups of 2 series, whose size is not known." in " ".join(shown_.split())
    assert "keep last=7, size not known\n" in in_text(look(servers(2), size_mb=None), verbose=True)


def test_what_the_limit_would_withhold_is_said() -> None:
    declared = config('[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 3 }]')

    found = look(declared, *(backup(number, age=days(number)) for number in range(1, 31)))

    assert value(forecast_json(found, verbose=False))["allow_loss_at_first"] == 27
    assert "withhold 27 deletes" in in_text(found, width=1000)
    assert "--allow-loss 27" in in_text(found, width=1000)


def test_what_a_pause_withholds_is_not_said_of_every_later_apply() -> None:
    pause = 'pause = { until = 9999-01-01, reason = "moving" }'
    declared = declare('{ description = "nightly", every = "1d", keep = 3 }', server=pause)

    held = look(declared, *(backup(number, age=days(number)) for number in range(1, 6)))
    found, in_json = in_text(held, width=1000), value(forecast_json(held, verbose=False))

    assert "The first apply would withhold 2 deletes; this forecast carries out every delete." in found
    assert "later" not in found
    assert (in_json["withheld_at_first"], in_json["allow_loss_at_first"]) == (2, None)


def test_json_has_every_figure_and_every_restore_point() -> None:
    found = value(forecast_json(look(servers(2)), verbose=False))

    assert {key: found[key] for key in ("from_empty", "applies", "apply_every", "withheld_at_first")} == {
        "from_empty": True,
        "applies": 90,
        "apply_every": "1d",
        "withheld_at_first": 0,
    }
    total: Any = found["total"]
    series: Any = found["series"]
    first = series[0]
    assert (total["backups"], total["size_mb"]) == (14, 14 * 1536)
    assert (first["address"], first["most_backups_at"]) == ("s0/nightly", "2026-03-16T12:00:00Z")
    assert first["restore_points"][-1] == {"id": None, "created_at": "2026-06-07T12:00:00Z", "size_mb": 1536}


def change(number: int = 2, *backups: Backup) -> Forecast:
    return compare(look(servers(number, "20"), *backups), look(servers(number, "{ daily = 7, weekly = 4 }"), *backups))


def test_a_comparison_in_80_columns() -> None:
    shown_ = shown(forecast_text(change(), verbose=False), 80)

    assert (
        "s1/nightly: every 1d, keep last=20 → every 1d, keep daily=7 weekly=4\n"
        "  in 90 days    20 → 10 (-10); 30.0 GiB → 15.0 GiB (-15.0 GiB)\n"
        "  at its peak   20 → 10 (-10); 30.0 GiB → 15.0 GiB (-15.0 GiB)\n"
        "  reaches back  2026-05-19 → 2026-05-17\n"
        "  no longer     11 restore points: 2026-05-19 to 2026-05-23, 2026-05-25 to\n"
        "                2026-05-30\n"
    ) in shown_
    assert "All: 2 series, 2 with a change\n  in 90 days    40 → 20 (-20)" in shown_


def test_a_comparison_of_what_grows_and_of_what_is_new() -> None:
    grown = compare(look(servers(1), size_mb=None), look(servers(2, "9"), size_mb=None))

    shown_ = in_text(grown)
    assert "s0/nightly: every 1d, keep last=7 → every 1d, keep last=9\n  in 90 days    7 → 9 (+2)\n" in shown_
    assert (
        "s1/nightly: not declared → every 1d, keep last=9\n"
        "  in 90 days    0 → 9 (+9)\n"
        "  at its peak   0 → 9 (+9)\n"
        "  reaches back  nothing → 2026-05-30\n"
    ) in shown_
    assert "All: " not in in_text(compare(look(servers(1)), look(servers(1, "9"))))


def test_a_change_of_many_series_is_one_row() -> None:
    shown_ = shown(forecast_text(change(40), verbose=False), 80)

    assert "40 series: every 1d, keep last=20 → every 1d, keep daily=7 weekly=4\n  in 90 days    800 → 400" in shown_
    assert "  no longer     440 restore points: 2026-05-19 to 2026-05-23" in shown_


def test_a_server_that_left_the_files_loses_nothing() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 6)]
    declared = declare('{ description = "nightly", every = "1d", keep = 7 }')
    shown_ = shown(forecast_text(compare(look(declared, *held), look(config(""), *held)), verbose=False), 80)

    assert "web/nightly: every 1d, keep last=7 → not declared\n" in shown_
    assert "no longer" not in shown_


def test_no_change_is_said() -> None:
    same = compare(look(servers(2)), look(servers(2)))

    assert "Nothing changes." in in_text(same)
    assert "All: " not in in_text(same)
    assert "Nothing changes." in text(forecast_markdown(same, verbose=False))


@pytest.mark.parametrize("number", [2, 800])
def test_markdown_is_a_table_that_fits_in_a_comment(number: int) -> None:
    for made in (
        text(forecast_markdown(look(servers(number), ahead=9), verbose=True)),
        text(forecast_markdown(change(number), verbose=number == 2)),
    ):
        assert made.startswith("<!-- reconcile forecast -->\n")
        assert len(made) < 60_000
        assert "<table>" in MarkdownIt("commonmark").enable("table").render(made)


def test_json_of_a_comparison_has_both() -> None:
    found = value(forecast_json(change(), verbose=False))

    assert [each["address"] for each in found["changes"]] == ["s0/nightly", "s1/nightly"]
    assert len(found["changes"][0]["no_longer"]) == 11
