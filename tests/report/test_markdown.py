"""The plan as Markdown: hostile text stays text, and it always fits a comment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.build import NOW, backup, config, days, declare, inventory

from reconcile.actual.inventory import Server
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.report.escape import visible
from reconcile.report.plan_markdown import LARGEST, plan_markdown

OUR_HTML = re.compile(r"</?(details|summary|code)>")
PRUNING = declare("", server="prune = true")
HOSTILE = [
    "<script>alert(1)</script>",
    "</code></details><img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example evil@evil.example @everyone #1",
    "a | b | c |",
    "`code` **bold** _it_ ~~s~~ # head",
    "line\n\n# head\n- item",
    "<!-- comment -->",
    "&lt;b&gt; &amp; &#60;",
    "\x1b[31m \u202e",
    "\\`\\|",
]


def tokens(text: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return [inner for token in found for inner in (token, *(token.children or ()))]


def check_harmless(text: str) -> None:
    for token in tokens(text):
        assert token.type not in {"link_open", "image"}, token
        if token.type in {"html_inline", "html_block"}:
            assert not OUR_HTML.sub("", token.content).count("<"), token.content


def pruned(*descriptions: str) -> Plan:
    held = [backup(number, it, age=days(number)) for number, it in enumerate(descriptions, start=1)]
    return plan(PRUNING, inventory(*held), NOW)


def test_hostile_descriptions_are_rendered_as_text() -> None:
    text = plan_markdown(pruned(*HOSTILE))

    check_harmless(text)
    rows = [it for it in tokens(text) if it.type == "tr_open"]
    cells = [it for it in tokens(text) if it.type in {"td_open", "th_open"}]
    assert len(rows) == 1 + len(HOSTILE)
    assert len(cells) == 3 * len(rows), "no broken table"
    shown = "".join(it.content for it in tokens(text) if it.type in {"text", "text_special"})
    for description in HOSTILE:
        assert visible(description)[:40] in shown


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_no_description_at_all_becomes_markup(descriptions: list[str]) -> None:
    check_harmless(plan_markdown(pruned(*descriptions)))


def test_the_verdict_comes_first_and_what_apply_will_refuse() -> None:
    head = plan_markdown(pruned(*(f"x{number}" for number in range(9)))).splitlines()

    assert head[0] == "### reconcile: 0 to create, 9 to delete"
    assert "apply will refuse this" in head[2]
    assert "--allow-loss 9" in head[2]


def test_no_changes_is_a_verdict_too() -> None:
    assert plan_markdown(plan(declare(""), inventory(), NOW)).startswith("### reconcile: no changes\n")


def test_deletes_are_visible_and_servers_fold() -> None:
    text = plan_markdown(pruned("x"))

    visible_part = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert "| <code>web/x&#35;1</code> | 1d old, 1.0 GB | undeclared: prune = true |" in visible_part
    assert "<details><summary><code>web</code>: 0 to create, 1 to delete, 0 unchanged</summary>" in text


@pytest.mark.parametrize("length", [10, 200])
def test_five_thousand_actions_are_under_the_limit_and_what_is_left_out_is_counted(length: int) -> None:
    servers = tuple(Server(id=number, name=f"server-{number}") for number in range(1, 1001))
    file = config("[settings]\nprune = true\n" + "".join(f"[servers.{it.name}]\nid = {it.id}\n" for it in servers))
    held = [
        backup(number, "|" * length, age=days(1 + number % 50), server=servers[number % 1000]) for number in range(5000)
    ]

    text = plan_markdown(plan(file, inventory(*held, servers=servers), NOW))

    assert len(text) <= LARGEST
    assert "5,000 to delete" in text
    left_out = int(re.search(r"\*\*([\d,]+) more lines and servers did not fit", text)[1].replace(",", ""))  # type: ignore[index]
    shown = text.count("| undeclared: ")
    assert shown > 100
    assert left_out == 5000 - shown + 1000 + 1  # the line after the table, and every server
    check_harmless(text)
