"""The edge to a terminal: whatever a formatter leaves in its text is escaped, and tables fit the width."""

import io
import re
import unicodedata

import pytest
from rich.console import Console
from support.render import shown

from reconcile.report.document import Block, Columns, Lines, Marks, Row, Text
from reconcile.report.terminal import draw

NASTY = "::error::x ##[group]y \x1b[2J\x9b31m\u202e\n::stop-commands::z\r\u2028\U000e0041\ue000 ::add-mask::q"
FORGETFUL: dict[str, Block] = {
    "a text": NASTY,
    "a styled text": Text(NASTY, "bold"),
    "the parts of a line": Text.assemble(NASTY, (NASTY, "red"), ":", NASTY),
    "the cells of a table": Columns(
        rows=[Row((NASTY, "x", NASTY)), Row((Text(NASTY), "y", Text.assemble("z", NASTY)))]
    ),
    "the facts of a row": Columns(rows=[Row(("x", (NASTY, NASTY)))]),
    "a heading": Columns(rows=[Text(NASTY), Row(("x", "y"))]),
}


@pytest.mark.parametrize("width", [10, 20, 40, 80, 1000])
@pytest.mark.parametrize("block", FORGETFUL.values(), ids=FORGETFUL)
def test_a_formatter_that_forgets_to_escape_is_harmless(block: Block, width: int) -> None:
    text = shown(Lines((block,)), width)

    acting = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    assert [each for each in text if each != "\n" and unicodedata.category(each) in acting] == []
    assert "##[" not in text
    assert [line for line in text.splitlines() if re.match(r"\s*::[a-z-]+[^:]*::", line)] == []
    assert r"\x1b[2J" in text.replace("\n", "").replace(" ", "")


def test_what_is_long_is_cut_and_says_by_how_much() -> None:
    assert shown(["x" * 3000], 10_000) == "x" * 2000 + "… (1,000 more characters)\n"


ROWS: list[Row | Text] = [
    Row(("+", "nightly", "new", "missing: none exists")),
    Text("a heading"),
    Row(("-", "weekly#12", "400d old, 1,024.5 GiB", "retention: not kept by last=7, daily=14, weekly=4")),
]


def test_columns_are_as_wide_as_their_widest_cell_and_headings_stand_between_rows() -> None:
    assert shown([Columns(rows=ROWS, indent=2)], 200).splitlines() == [
        "  +  nightly    new                    missing: none exists",
        "a heading",
        "  -  weekly#12  400d old, 1,024.5 GiB  retention: not kept by last=7, daily=14, weekly=4",
    ]


def test_the_last_cell_wraps_in_its_column_where_it_has_room() -> None:
    assert shown([Columns(rows=ROWS, indent=2)], 76).splitlines()[2:] == [
        "  -  weekly#12  400d old, 1,024.5 GiB  retention: not kept by last=7,",
        "                                       daily=14, weekly=4",
    ]


def test_the_last_cell_goes_below_where_it_has_too_little_room() -> None:
    assert shown([Columns(rows=ROWS, indent=2)], 60).splitlines() == [
        "  +  nightly    new                    missing: none exists",
        "a heading",
        "  -  weekly#12  400d old, 1,024.5 GiB",
        "      retention: not kept by last=7, daily=14, weekly=4",
    ]


def test_so_do_others_on_a_terminal_that_is_narrower_still() -> None:
    assert shown([Columns(rows=ROWS[2:], indent=2)], 24).splitlines() == [
        "  -  weekly#12",
        "      400d old,",
        "      1,024.5 GiB",
        "      retention: not",
        "      kept by last=7,",
        "      daily=14, weekly=4",
    ]


def test_a_cell_that_is_too_wide_for_its_column_widens_no_other_row() -> None:
    rows = [Row(("short", "a", "b")), Row(("z" * 60, "c", "d"))]

    assert shown([Columns(rows=rows)], 200).splitlines() == ["short  a  b", "z" * 60 + "  c  d"]
    assert shown([Columns(rows=rows)], 60).splitlines() == ["short  a  b", "z" * 60, "    c", "    d"]


LONG: list[Row | Text] = [
    Row(("+", "nightly", "new", "missing: none exists")),
    Row(("-", "before the migration of the database#12", "1,024.5 GiB", "retention: not kept by last=7")),
]


@pytest.mark.parametrize(
    ("width", "rows"),
    [
        (
            90,
            [
                "  +  nightly                                  new          missing: none exists",
                "  -  before the migration of the database#12  1,024.5 GiB  retention: not kept by last=7",
            ],
        ),
        (
            80,
            [
                "  +  nightly                          new          missing: none exists",
                "  -  before the migr…the database#12  1,024.5 GiB  retention: not kept by last=7",
            ],
        ),
        (
            60,
            [
                "  +  nightly               new          missing: none exists",
                "  -  before the…tabase#12  1,024.5 GiB  retention: not kept",
                "                                        by last=7",
            ],
        ),
    ],
)
def test_a_name_is_shortened_from_the_middle_so_that_no_reason_wraps(width: int, rows: list[str]) -> None:
    assert shown([Columns(rows=LONG, indent=2, narrowest=20, shortens=1)], width).splitlines() == rows


def test_the_last_cell_may_be_the_one_that_is_shortened() -> None:
    rows = [Row(("#1", "x" * 20)), Row(("#2", "Automatic daily backup of the server"))]

    assert shown([Columns(rows=rows, narrowest=10, shortens=-1)], 30).splitlines() == [
        "#1  xxxxxxxxxxxxxxxxxxxx",
        "#2  Automatic dai…f the server",
    ]


def test_a_shortened_name_keeps_how_many_backups_share_its_row() -> None:
    rows = [Row(("!", "before the migration of the database: 12 backups", "withheld: not kept by last=7"))]

    assert shown([Columns(rows=rows, narrowest=20, shortens=1)], 44).splitlines() == [
        "!  before…: 12 backups  withheld: not kept",
        "                        by last=7",
    ]


def test_lines_that_wrap_are_indented_as_the_first() -> None:
    assert shown(["  Its servers: web, db, mail, cache, backup"], 24).splitlines() == [
        "  Its servers: web, db,",
        "  mail, cache, backup",
    ]


def test_a_terminal_gets_no_blanks_at_the_end_of_a_line() -> None:
    stream = io.StringIO()
    draw(Columns(rows=[Row(("a", "b", "")), Row(("long", "", "c"))]), Console(file=stream, width=40))

    assert stream.getvalue() == "a     b\nlong     c\n"


def test_wide_characters_keep_the_columns_in_line() -> None:
    assert shown([Columns(rows=[Row(("服务器", "x")), Row(("server", "y"))])], 80).splitlines() == [
        "服务器  x",
        "server  y",
    ]


@pytest.mark.parametrize("amount", ["1,024.5 GiB", "27 backups", "1d 2h", "3mo 5d"])
@pytest.mark.parametrize("style", ["", "bold"])
def test_no_line_is_broken_between_a_number_and_its_unit(amount: str, style: str) -> None:
    assert shown([Text(f"it takes {amount}", style)], 9 + len(amount) - 1).splitlines() == ["it takes", amount]


def test_lines_are_broken_between_facts_before_within_them() -> None:
    row = Row(("web", ("newest 3d old", "due now", "1 usable (keep last=1)")))

    assert shown([Columns(rows=[row], narrowest=20)], 29).splitlines() == [
        "web  newest 3d old, due now,",
        "     1 usable (keep last=1)",
    ]
    assert shown([Columns(rows=[row], narrowest=5)], 16).splitlines()[0] == "web  newest 3d"


def test_marks_have_stand_ins_where_there_is_only_ascii_and_names_have_none() -> None:
    table = Columns(rows=[Row((Text.assemble((Marks("█·✓"), "green")), "a·b"))])
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    draw(table, Console(file=stream))
    stream.seek(0)

    assert stream.read().rstrip() == r"#.+  a\xb7b"
    assert shown([table]) == "█·✓  a·b\n"
