"""The chart of a forecast: what is drawn, and that a name is text in it and never markup."""

import re
from xml.etree import ElementTree as ET

import pytest
import tomli_w
from support.build import NOW, backup, config, days, inventory

from reconcile.actual.inventory import Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.insight.forecast import Forecast, Schedule, forecast, without_account
from reconcile.report.forecast_chart import forecast_chart, forecast_page

NASTY = "_<b id=x> $\\frac{$ &amp; 服务器"


def look(declared: Config, *, size_mb: float | None = 1024, ahead: int = 30) -> Forecast:
    declared, account = without_account(declared, NOW)
    schedule = Schedule(start=NOW, days=ahead, every=Duration(days=1))
    return forecast(resolve(declared, account), account, schedule, size_mb=size_mb)


def servers(*names: str, keep: int = 3) -> Config:
    series = {"description": "nightly", "every": "1d", "keep": keep}
    tables = {name: {"id": number, "name": name, "backups": [series]} for number, name in enumerate(names)}
    return config(tomli_w.dumps({"servers": tables}))


def texts(svg: bytes) -> list[str]:
    """Return everything that the picture has in words."""
    return ["".join(each.itertext()).strip() for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def test_it_has_a_curve_and_the_restore_points_of_each_server() -> None:
    found = texts(forecast_chart(look(servers("web", "db")), "svg"))

    assert found.count("web") == found.count("db") == 2  # in the legend, and beside the restore points
    assert {"GiB", "backups", "Restore points that exist at the end"} <= set(found)


def test_a_fleet_is_one_group_and_so_is_each_of_a_few_policies() -> None:
    fleet = '[fleets.web]\nmatch = "*"\n[[fleets.web.backups]]\ndescription = "nightly"\n'

    assert "web" in texts(forecast_chart(look(config(fleet)), "svg"))
    of_two = config(
        "[servers.a]\nid = 1\nbackups = [{ description = 'x', every = '1d', keep = 1 }]\n"
        "[servers.b]\nid = 2\nbackups = [{ description = 'x', every = '1w', keep = 1 }]\n"
    )
    assert {"every 1d, keep last=1", "every 7d, keep last=1"} <= set(texts(forecast_chart(look(of_two), "svg")))


def test_the_largest_servers_have_a_colour_each_and_the_rest_one_together() -> None:
    names = [f"server-{number:02}" for number in range(20)]

    found = set(texts(forecast_chart(look(servers(*names)), "svg")))

    assert len(found & set(names)) == 7
    assert "others" in found


def test_without_sizes_there_is_no_curve_of_them() -> None:
    assert "GiB" not in texts(forecast_chart(look(servers("web"), size_mb=None), "svg"))


def test_a_comparison_has_the_old_total_too() -> None:
    found = texts(forecast_chart(look(servers("web")), "svg", look(servers("web", keep=9))))

    assert "before" in found


def test_the_same_forecast_is_the_same_file() -> None:
    assert forecast_chart(look(servers("web")), "svg") == forecast_chart(look(servers("web")), "svg")


def test_a_png_is_one_and_long_forecasts_are_small_files() -> None:
    assert forecast_chart(look(servers("web")), "png").startswith(b"\x89PNG")
    assert len(forecast_chart(look(servers("web"), ahead=20_000), "svg")) < 400_000


def test_a_name_is_text_and_never_markup() -> None:
    declared = servers(NASTY, "other")

    svg, page = forecast_chart(look(declared), "svg"), forecast_page(look(declared))

    assert NASTY in texts(svg)
    assert "<b id" not in page


def test_what_is_secret_is_not_drawn() -> None:
    found = texts(
        forecast_chart(look(servers("vps_secret", "b")), "svg", redact=lambda text: text.replace("vps_secret", "•"))
    )

    assert "vps_secret" not in " ".join(found)
    assert "•" in found


def test_a_page_asks_nobody_for_anything_and_has_the_figures() -> None:
    page = forecast_page(look(servers("web")))

    assert not re.search(r"""(src|href)=["'](?!#)""", re.sub(r"xlink:href", "href", page).replace('href="#', ""))
    assert "at the end: 3 backups, 3.0 GiB" in page
    assert "<svg" in page


def test_real_backups_from_before_the_start_are_on_the_timeline() -> None:
    declared = servers("web", keep=30)
    seen = inventory(
        *(backup(each, age=days(each), server=Server(id=0, name="web")) for each in range(1, 9)),
        servers=(Server(id=0, name="web"),),
    )
    found = forecast(resolve(declared, seen), seen, Schedule(start=NOW, days=3, every=Duration(days=1)))

    assert len(found.series[0].points) == 11
    assert forecast_chart(found, "svg")


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_nothing_to_draw_is_drawn_too(kind: str) -> None:
    assert forecast_chart(look(config("[servers.web]\nid = 1\nbackups = []\n")), kind)
