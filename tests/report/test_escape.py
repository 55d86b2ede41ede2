"""Text from outside is shown and never acts: not on a terminal, not in GitHub's log."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.diagnostics import Diagnostic, Position, Spot
from reconcile.report.diagnostics import annotation
from reconcile.report.escape import visible, without_commands

COMMANDS = st.sampled_from(
    ["::", "##[", "##", "#", "[", ":", " ", "\n", "\r", "\t", "error", "::error::", "##[group]x"]
)
TEXTS = st.lists(COMMANDS | st.text(max_size=5), max_size=8).map("".join)


def is_command(line: str) -> bool:
    """Tell whether GitHub's runner takes a line for a command (actions/runner, ActionCommand.cs)."""
    return line.lstrip().startswith("::") or "##[" in line


def check_harmless(text: str) -> None:
    acting = [each for each in text if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}]
    assert not acting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, éß日本🐘", "plain text, éß日本🐘"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eevil", r"\u202eevil"),
        ("\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
        ("::error::x", r"\x3a:error::x"),
        ("a ::error::x", r"a \x3a:error::x"),
        ("std::vector", "std::vector"),
        ("a::b::c", r"a\x3a:b::c"),
        ("x::error file=a,line=1::y", r"x\x3a:error file=a,line=1::y"),
        ("fe80::1::2", "fe80::1::2"),
        ("##[error]x", r"#\x23[error]x"),
        ("## heading", "## heading"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_what_is_long_is_cut_and_says_by_how_much() -> None:
    assert visible("x" * 1234, 200) == "x" * 200 + "… (1,034 more characters)"


@given(TEXTS | st.text(st.characters()))
def test_nothing_visible_acts(text: str) -> None:
    check_harmless(visible(text))
    assert not is_command(visible(text))
    assert not any(is_command(word) for word in re.split(r"\s+", visible(text))), "not even at the start of a line"


@given(TEXTS)
def test_no_line_of_a_log_is_a_command(text: str) -> None:
    shown = without_commands(text)

    assert not any(is_command(line) for line in re.split(r"[\r\n]", shown.replace("\r", "")))
    assert shown.count("\n") == text.count("\n")


def test_a_log_without_commands_is_left_alone() -> None:
    assert without_commands("a\n  b :: c\n") == "a\n  b :: c\n"
    assert without_commands("  ::error::x\n") == "  \\x3a:error::x\n"


class TestAnnotation:
    PLACE = Spot(
        filename="a,b.toml",
        start=Position(line=3, column=5, byte=20),
        end=Position(line=3, column=9, byte=24),
        code="",
        highlight_start=0,
        highlight_end=0,
    )

    def test_points_at_the_line(self) -> None:
        line = annotation(Diagnostic(summary='unknown key: "x"', detail="100% wrong", found=self.PLACE))

        assert line == (
            '::error file=a%2Cb.toml,line=3,col=5,endLine=3,endColumn=9,title=unknown key%3A "x"::100%25 wrong'
        )

    def test_says_the_summary_where_there_is_no_detail(self) -> None:
        line = annotation(Diagnostic(summary="x", severity="warning", found=self.PLACE))

        assert line
        assert line.startswith("::warning file=")
        assert line.endswith(",title=x::x")

    def test_is_none_without_a_place(self) -> None:
        assert annotation(Diagnostic(summary="x")) is None

    @given(TEXTS, TEXTS)
    def test_is_one_command_whatever_is_in_it(self, summary: str, detail: str) -> None:
        line = annotation(Diagnostic(summary=summary, detail=detail, found=self.PLACE))

        assert line
        check_harmless(line)
        assert "##[" not in line
        properties, _, _ = line.removeprefix("::error ").partition("::")
        assert [each.partition("=")[0] for each in properties.split(",")] == [
            "file",
            "line",
            "col",
            "endLine",
            "endColumn",
            "title",
        ]
