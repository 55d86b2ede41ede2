"""The page of `forecast --html`, as a parser reads it; in tests/end_to_end/test_page.py a browser does."""

import re
from html.parser import HTMLParser

import pytest
import tomli_w
from support.build import NOW, backup, config, days, inventory

from reconcile.actual.inventory import Backup
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.insight.forecast import Forecast, Schedule, compare, forecast, without_account
from reconcile.report.forecast.html import forecast_html

NASTY = "_<b id=x> $\\frac{$ &amp; 服务器 {{ 7*7 }} \u202e"


class Parsed(HTMLParser):
    """What a page shows: its texts by the element that they are in, and its paths by their class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.texts: dict[str, list[str]] = {}
        self.paths: dict[str, list[str]] = {}
        self.text = ""
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "path":
            kind = (found.get("class") or "line").split()[0]
            self.paths.setdefault(kind, []).append(found.get("d") or "")
        elif tag not in {"meta", "link", "i", "span"}:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts[self._open[-1]][-1] += data
            self.text += data

    @property
    def labels(self) -> list[str]:
        """The names of the groups, in the order of their colours."""
        return [text.strip() for text in self.texts["h3"][: -len(self.texts.get("article", ()))]]


def look(declared: Config, *held: Backup, size_mb: float | None = 1024, ahead: int = 30) -> Forecast:
    if held:
        account = inventory(*held)
    else:
        declared, account = without_account(declared, NOW)
    schedule = Schedule(start=NOW, days=ahead, every=Duration(days=1))
    return forecast(resolve(declared, account), account, schedule, size_mb=size_mb)


def servers(*names: str, keep: int = 3) -> Config:
    series = {"description": "nightly", "every": "1d", "keep": keep}
    tables = {name: {"id": number, "name": name, "backups": [series]} for number, name in enumerate(names)}
    return config(tomli_w.dumps({"servers": tables}))


def page(found: Forecast) -> Parsed:
    return Parsed(forecast_html(found, verbose=False))


def heights(path: str) -> list[float]:
    """Return the height of a curve from each of its steps on, in percent of the chart."""
    return [round(100 - float(each), 1) for each in re.findall(r"(?:^M0 |V)(-?[\d.]+)", path.removesuffix("V100H0Z"))]


def test_it_has_a_curve_and_the_restore_points_of_each_server() -> None:
    found = page(look(servers("web", "db")))

    assert found.labels == ["Size", "Backups", "web", "db"]
    assert [len(found.paths[kind]) for kind in ("area", "points")] == [4, 2]
    assert "3 restore points, from 2026-04-06" in found.text


def test_a_curve_is_what_is_held_from_each_apply_to_the_next() -> None:
    (size, count) = page(look(servers("web"))).paths["area"]

    assert count == size
    assert heights(count) == [0, 33.3, 66.7, 100]
    assert [float(each) for each in re.findall(r"H([\d.]+)", count)] == [0, 34.5, 69, 1000, 0]


def test_curves_stand_on_each_other_and_lines_across_have_round_figures() -> None:
    found = page(look(servers("web", "db")))

    upper, lower = found.paths["area"][2:]
    assert heights(upper)[-1] == 100
    assert heights(lower)[-1] == 50
    assert {"0 GiB", "2 GiB", "4 GiB", "6 GiB"} <= set(re.findall(r"[\d.]+ GiB", found.text.replace("\xa0", " ")))


def test_small_sizes_are_in_mebibytes() -> None:
    assert "150 MiB" in page(look(servers("web"), size_mb=50)).text.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("ahead", "ticks"),
    [
        (1, ["2026-03-10", "2026-03-11"]),
        (30, ["2026-03-10", "2026-03-15", "2026-03-20", "2026-03-25", "2026-03-30", "2026-04-04"]),
        (366, ["2026-05", "2026-07", "2026-09", "2026-11", "2027-01", "2027-03"]),
        (3650, ["2028", "2030", "2032", "2034", "2036"]),
    ],
)
def test_the_axis_has_a_few_dates(ahead: int, ticks: list[str]) -> None:
    found = forecast_html(look(servers("web"), ahead=ahead), verbose=False)

    first = found[found.index('<div class="ticks"') :]
    assert re.findall(r'--x:[\d.]+">([\d-]+)<', first[: first.index("</div>")]) == ticks


def test_a_fleet_is_one_group_and_so_is_each_of_a_few_policies() -> None:
    fleet = '[fleets.web]\nmatch = "*"\n[[fleets.web.backups]]\ndescription = "nightly"\n'

    assert page(look(config(fleet))).labels[2:] == ["web"]
    of_two = config(
        "[servers.a]\nid = 1\nbackups = [{ description = 'x', every = '1d', keep = 1 }]\n"
        "[servers.b]\nid = 2\nbackups = [{ description = 'x', every = '1w', keep = 2 }]\n"
    )
    assert page(look(of_two)).labels[2:] == ["every 7d, keep last=2", "every 1d, keep last=1"]


def test_the_largest_servers_have_a_colour_each_and_the_rest_one_together() -> None:
    found = page(look(servers(*(f"server-{number:02}" for number in range(20)))))

    assert len(found.labels[2:]) == 8
    assert found.labels[-1] == "others"
    assert "39 restore points" in found.text


def test_without_sizes_there_is_no_curve_of_them() -> None:
    assert page(look(servers("web"), size_mb=None)).labels == ["Backups", "web"]


def test_a_comparison_has_the_old_total_too_and_says_what_changes() -> None:
    found = page(compare(look(servers("web", keep=9)), look(servers("web"))))

    (size, count) = found.paths["before"]
    assert heights(count)[-1] == 90
    assert "all, before the change" in found.text
    assert found.texts["h1"] == ["Forecast"]
    assert "In 30 days: 9 backups, 9.0 GiB → 3 backups, 3.0 GiB" in found.text.replace("\xa0", " ")
    assert "9 → 3 (-6)" in found.text
    assert size


def test_no_change_is_said() -> None:
    assert "Nothing changes." in page(compare(look(servers("web")), look(servers("web")))).text


def test_the_same_forecast_is_the_same_file_and_a_long_one_is_small() -> None:
    assert page(look(servers("web"))).page == page(look(servers("web"))).page
    assert len(page(look(servers("web", keep=60), ahead=2500)).page) < 40_000


def test_a_peak_is_seen_however_far_one_looks_ahead() -> None:
    held = [backup(number, "old", age=days(number)) for number in range(1, 41)]
    declared = config(
        '[servers.web]\nid = 1\nprune = "2d"\nbackups = [{ description = "nightly", every = "1d", keep = 2 }]'
    )

    found = page(look(declared, *held, ahead=1500))

    assert max(heights(found.paths["area"][0])) > 80


def test_a_name_is_text_and_never_markup() -> None:
    found = page(look(servers(NASTY, "other")))

    assert NASTY.replace("\u202e", r"\u202e") in found.labels
    assert "<b id" not in found.page
    assert "\u202e" not in found.page


def test_it_asks_nobody_for_anything_and_has_the_figures() -> None:
    found = page(look(servers("web")))

    assert re.findall(r"""(?:src|href)=["'](?!data:,)|url\(|@import""", found.page) == []
    assert [text.strip() for text in found.texts["dt"][:3]] == ["in 30 days", "at its peak", "each month"]
    assert found.texts["dd"][0].replace("\xa0", " ") == "3 backups, 3.0 GiB"


def test_what_exists_today_is_left_of_a_line() -> None:
    held = [backup(each, age=days(each)) for each in range(1, 9)]
    declared = config('[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 30 }]')

    found = page(look(declared, *held, ahead=3))

    (marks,) = found.paths["points"]
    (today,) = found.paths["today"]
    places = [float(each) for each in re.findall(r"M([\d.]+)", marks)]
    line = float(re.findall(r"M([\d.]+)", today)[0])
    assert (len(places), sum(place < line for place in places)) == (11, 8)
    assert "The restore points to the left of the upright line exist today." in found.text


def test_there_is_no_such_line_where_nothing_exists_today() -> None:
    assert "today" not in page(look(servers("web"))).paths


def test_nothing_to_draw_is_said() -> None:
    found = page(look(config("[servers.web]\nid = 1\nbackups = []\n")))

    assert "Nothing is declared, and no backup exists." in found.text
    assert found.paths == {}
