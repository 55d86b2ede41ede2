"""`reconcile help`: the pages are listed, found, and shown as the reader can use them."""

import re
from pathlib import Path

import pytest
from support.command import COMMANDS, run

from reconcile.cli.help_ import pages


def test_every_page_is_listed_with_its_summary(tmp_path: Path) -> None:
    done = run("help", folder=tmp_path)

    for topic, file in pages().items():
        title, blank, summary, *_ = file.read_text(encoding="utf-8").splitlines()
        assert (title[:2], blank) == ("# ", "")
        assert re.search(rf"^{topic} +{re.escape(summary)}$", done.stdout, re.MULTILINE)


def test_no_page_hides_a_command() -> None:
    assert set(pages()) & set(COMMANDS) == set()


@pytest.mark.parametrize("topic", pages())
def test_a_pipe_gets_the_text_with_links_that_work_anywhere(topic: str, tmp_path: Path) -> None:
    done = run("help", topic, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# ")
    assert re.findall(r"\]\((?!https://)[^)]*\)", done.stdout) == []


def test_a_terminal_gets_a_page_without_markup_and_within_its_width(tmp_path: Path) -> None:
    done = run("help", "commands", folder=tmp_path, typed="", COLUMNS="80", TERM="dumb")

    assert done.returncode == 0
    assert "`" not in done.stdout
    assert "| ---" not in done.stdout
    assert "reconcile help connection" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_name_of_a_command_shows_its_options(tmp_path: Path) -> None:
    done = run("help", "plan", folder=tmp_path)

    assert done.stdout == run("plan", "--help", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("topic", "advice"), [("saftey", 'Did you mean "safety"?'), ("xyz", "Pages: adopting, assumptions,")]
)
def test_an_unknown_topic_is_an_error_that_says_what_there_is(topic: str, advice: str, tmp_path: Path) -> None:
    done = run("help", topic, folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f'error: there is no page "{topic}"\n  {advice}')
