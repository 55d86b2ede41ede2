"""The page of `status --html`, as a parser reads it; in tests/end_to_end/test_page.py a browser does."""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import tomli_w
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.report.status.pages import status_html

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 7 }')
OTHER = Server(id=9, name="other")
NASTY = "</li></style><script>x</script>{{ 7*7 }}{% if %}&amp;\" onload='x' --> \x1b[2J\u202e\u2028\x00"


class Parsed(HTMLParser):
    """The elements of a page, and the text in each kind of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] and self.elements[-1][0] != "style":
            self.text += data

    def marks(self) -> list[tuple[str, float]]:
        """Return the kind and the position of each mark on an axis, in the order of the page."""
        styles = (
            (attributes.get("class"), attributes.get("style")) for tag, attributes in self.elements if tag == "li"
        )
        return [(str(kind), float(style.removeprefix("--x:"))) for kind, style in styles if style]


def page(declared: Config, seen: Inventory) -> str:
    desired = resolve(declared, seen)
    return status_html(status(desired, seen, NOW))


def marks(*backups: Backup) -> list[tuple[str, float]]:
    return Parsed(page(NIGHTLY, inventory(*backups))).marks()


class TestAxis:
    def test_runs_over_the_last_thirty_days_where_nothing_is_older(self) -> None:
        held = (backup(1, age=days(30)), backup(2, age=days(15)), backup(3, age=hours(0)))

        assert marks(*held) == [("declared", 100), ("declared", 50), ("declared", 0)]

    def test_has_another_scale_for_what_is_older(self) -> None:
        held = (backup(1, age=days(430)), backup(2, age=days(230)), backup(3, age=days(30)), backup(4))

        assert marks(*held) == [("declared", 100), ("declared", 35), ("declared", 17.5), ("declared", 0)]

    def test_shows_since_when_a_backup_is_late(self) -> None:
        assert marks(backup(1, age=days(3)))[0] == ("late", 90)
        assert "overdue: no usable backup since 2026-03-07 12:00" in page(NIGHTLY, inventory(backup(1, age=days(3))))
        assert "late" not in dict(marks(backup(1, age=hours(24.5))))

    def test_shows_what_kind_each_backup_is_and_none_that_is_in_progress(self) -> None:
        held = (
            backup(1),
            backup(2, age=days(15), status="failed"),
            backup(3, status="in_progress"),
            backup(4, "by hand", age=days(3)),
            backup(5, "x", age=days(6), backup_type="automatic"),
        )

        assert marks(*held) == [("declared", 100), ("failed", 50), ("undeclared", 90), ("automatic", 80)]

    def test_holds_what_is_just_ahead_of_our_clock(self) -> None:
        assert marks(backup(1, age=-hours(0.1))) == [("declared", 100)]


def test_each_mark_says_when_it_was_made_how_large_it_is_and_which_it_is() -> None:
    text = Parsed(page(NIGHTLY, inventory(backup(7, age=days(2)), backup(8, age=days(1), status="failed")))).text

    assert "2026-03-08 12:00, 2d old, 1.0\N{NO-BREAK SPACE}GiB, #7" in text
    assert "2026-03-09 12:00, 1d old, failed: not usable, #8" in text


def test_the_verdict_stands_at_the_top() -> None:
    def verdict(declared: Config, seen: Inventory) -> str:
        (text,) = re.findall(r'<p class="verdict \w+">(.*)</p>', page(declared, seen))
        return str(text)

    assert verdict(NIGHTLY, inventory(backup(1))) == "1 of 1 series healthy, 0 servers unprotected."
    assert verdict(NIGHTLY, inventory(servers=(WEB, OTHER))) == "0 of 1 series healthy, 1 server unprotected."
    assert verdict(declare(""), inventory()) == "0 of 0 series healthy, 0 servers unprotected."


@pytest.mark.parametrize(
    ("declared", "seen", "colour"),
    [
        (NIGHTLY, inventory(backup(1)), "good"),
        (NIGHTLY, inventory(backup(1), servers=(WEB, OTHER)), "warning"),
        (NIGHTLY, inventory(servers=(WEB, OTHER)), "bad"),
        (declare("", settings="[require]\nall_servers = true"), inventory(servers=(WEB, OTHER)), "bad"),
    ],
)
def test_the_verdict_is_amber_where_all_series_are_healthy_and_a_server_is_unprotected(
    declared: Config, seen: Inventory, colour: str
) -> None:
    assert f'<p class="verdict {colour}">' in page(declared, seen)


def overview(declared: Config, *held: Backup, servers: tuple[Server, ...] = (WEB,)) -> list[list[str]]:
    """Return the state, the name, the label, the days and the text of each line."""
    found = re.findall(
        r'<li data-state="(\w+)"><a href="#server-\d+">(.*?)</a>\s*<b class="badge \w+">(\w+)</b>\s*'
        r"<span class=\"days\"(?: role=\"img\" aria-label=\"(.*?)\")?>.*?</span>\s*<p>(.*?)</p></li>",
        page(declared, inventory(*held, servers=servers)),
        re.DOTALL,
    )
    return [[re.sub("<.*?>", "", cell) for cell in line] for line in found]


class TestOverview:
    def test_has_problems_then_gaps_then_unprotected_servers_then_the_rest_by_name(self) -> None:
        declared = declare(
            ", ".join(f'{{ description = "{name}", every = "1d", keep = 7 }}' for name in ("z", "gap", "late", "a"))
        )
        held = [
            *(backup(f"{name}{age}", name, age=days(age)) for name in ("a", "z") for age in (0, 1)),
            *(backup(f"g{age}", "gap", age=days(age)) for age in (0, 4)),
            backup("l", "late", age=days(3)),
            *(backup(f"o{age}", "x", age=days(age), server=OTHER, backup_type="automatic") for age in (1, 2)),
            backup("hand", "by hand", server=OTHER),
        ]

        found = overview(declared, *held, servers=(WEB, OTHER, Server(id=10, name="new")))

        assert [line[:3] for line in found] == [
            ["problem", "web/late", "OVERDUE"],
            ["gap", "web/gap", "GAP"],
            ["unprotected", "new (10)", "UNPROTECTED"],
            ["unprotected", "other (9)", "UNPROTECTED"],
            ["healthy", "web/a", "healthy"],
            ["healthy", "web/z", "healthy"],
        ]
        assert [line[4] for line in found] == [
            "newest usable backup is 3d old, overdue by 2d",
            "03-07 to 03-09 missing: the policy would hold 3 there",
            "not declared in any file; no automatic backup",
            "not declared in any file; 2 automatic backups, 1 manual backup",
            *2 * ["newest 0s old, 2 usable, complete from 2026-03-15"],
        ]
        assert found[1][3] == "30 days: 2 held, 3 missed, 25 before the series started"
        assert found[2][3] == ""

    def test_marks_each_of_the_last_thirty_days(self) -> None:
        declared = declare('{ description = "nightly", every = "1d", keep = { daily = 3, weekly = 4 } }')
        held = [backup(age, age=days(age)) for age in (0, 2, 9, 16)]

        runs = re.findall(r'<i class="(\w+)" style="--n:(\d+)" title="(.*?)"></i>', page(declared, inventory(*held)))

        assert sum(int(number) for _, number, _ in runs) == 30
        assert [(mark, text.split(":")[0]) for mark, _, text in runs[-5:]] == [
            ("held", "2026-03-01"),
            ("thinned", "2026-03-02 to 2026-03-07"),
            ("held", "2026-03-08"),
            ("missed", "2026-03-09"),
            ("held", "2026-03-10"),
        ]

    def test_has_an_unprotected_server_among_the_problems_where_the_files_require_all(self) -> None:
        declared = declare('{ description = "x" }', settings="[require]\nall_servers = true")

        assert [line[:3] for line in overview(declared, backup(1, "x"), servers=(WEB, OTHER))] == [
            ["problem", "other (9)", "UNPROTECTED"],
            ["healthy", "web/x", "healthy"],
        ]


def test_a_pinned_backup_says_which_file_pins_it() -> None:
    declared = declare('{ description = "nightly" }', server="pinned = [2]")

    text = Parsed(page(declared, inventory(backup(1), backup(2, age=days(3))))).text

    assert "2026-03-07 12:00, 3d old, 1.0\N{NO-BREAK SPACE}GiB, #2, pinned in backups.toml" in text
    assert text.count("pinned in") == 1


def test_the_details_of_a_series_name_its_gaps() -> None:
    held = [backup(age, age=days(age)) for age in (0, 4)]

    text = page(declare('{ description = "nightly", every = "1d", keep = 7 }'), inventory(*held))

    assert text.count("03-07 to 03-09 missing: the policy would hold 3 there") == 2


def test_an_error_and_a_warning_need_attention() -> None:
    text = Parsed(page(config("[servers.web]\nid = 1\npinned = [99]\n[servers.gone]\nid = 7\n"), inventory())).text

    assert "ERROR gone: the account has no server with the id 7" in text
    assert "ERROR no series is declared" in text


def test_each_rule_is_shown_with_how_many_satisfy_it_and_why_others_do_not() -> None:
    declared = declare('{ description = "nightly", every = "1d", keep = 3 }', settings="[require]\nretention = '7d'\n")
    read = Parsed(page(declared, inventory(backup(1)))).text

    assert "retention7d0 of 1" in read
    assert re.search(
        r"ERROR web/nightly: the backups of server 'web' reach back only 2d; \[require\] retention needs 7d\. ", read
    )
    assert "servers that satisfy it" not in Parsed(page(NIGHTLY, inventory())).text


def hostile(text: str) -> str:
    """Return the page of an account in which every name, description, id and status is `text`, or as near as may be."""
    server = Server(id=f"{text}1", name=text)
    series = {"description": "<b>declared</b>", "every": "1d"}
    key = "<b>&amp;"
    declared = config(
        tomli_w.dumps(
            {
                "servers": {
                    key: {"id": server.id, "name": server.name, "backups": [series]},
                    "<i>": {"id": f"{text}gone", "pinned": ["<i>"]},
                }
            }
        )
    )
    held = (
        backup(f"{text}2", "<b>declared</b>", server=server, age=days(9)),
        backup(f"{text}3", "<b>declared</b>", server=server, status="failed"),
        backup(f"{text}4", text, server=server),
        backup(f"{text}5", text, server=server, backup_type="automatic"),
    )
    return page(declared, inventory(*held, servers=(server, Server(id=f"{text}6", name=text))))


def test_text_from_outside_is_shown_and_never_markup() -> None:
    made = hostile(NASTY)
    read, harmless = Parsed(made), Parsed(hostile("harmless"))

    def shape(elements: Iterable[tuple[str, dict[str, str | None]]]) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in elements]

    assert shape(read.elements) == shape(harmless.elements)
    assert (
        "</li></style><script>x</script>{{ 7*7 }}{% if %}&amp;\" onload='x' --> \\x1b[2J\\u202e\\u2028\\x00"
        in read.text
    )
    assert not [each for each in made if each != "\n" and unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp", "Cs"}]


def test_it_names_nothing_that_a_browser_would_fetch_or_run_but_its_own_script() -> None:
    made = hostile("https://evil.example/")
    elements = Parsed(made).elements

    (script,) = re.findall("<script>(.*?)</script>", made, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'" in made
    assert "evil" not in script

    assert [attributes for tag, attributes in elements if tag == "script"] == [{}]
    assert not {tag for tag, _ in elements} & {"img", "iframe", "object", "form", "base"}
    links = [value for _, attributes in elements for name, value in attributes.items() if name in {"href", "src"}]
    assert {link for link in links if link and not link.startswith("#")} == {"data:,"}
    assert [name for _, attributes in elements for name in attributes if name.startswith("on")] == []
    assert "url(" not in hostile("")


def test_a_server_takes_less_than_a_kilobyte_and_a_half_besides_its_marks() -> None:
    servers = tuple(Server(id=each, name=f"web-{each}") for each in range(500))
    tables = (f'[servers.{each.name}]\nid = {each.id}\nbackups = [{{ description = "a" }}]\n' for each in servers)
    held = (backup(each.id, "a", server=each) for each in servers)

    assert len(page(config("".join(tables)), inventory(*held, servers=servers))) < 500 * 1500
