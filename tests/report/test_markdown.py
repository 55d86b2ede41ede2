"""The plan and the status as Markdown: hostile text stays text, and the plan always fits a comment."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.build import NOW, backup, config, days, declare, inventory, last, make_plan

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config, DeclaredSeries
from reconcile.desired.desired import resolve
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.insight.difference import compare
from reconcile.insight.status import status
from reconcile.plan.model import Plan
from reconcile.report.diagnostics import LARGEST, diagnostics_markdown
from reconcile.report.document import _environment
from reconcile.report.escape import plain, visible
from reconcile.report.plan import plan_markdown
from reconcile.report.status.pages import status_markdown

OUR_HTML = re.compile(r"</?(details|summary|code)>|^<!-- reconcile(: the whole)? plan[ a-z0-9=]*-->")
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


def markdown(plan: Plan) -> str:
    return plan_markdown(plan)


def pruned(*descriptions: str) -> Plan:
    held = [backup(number, description, age=days(number)) for number, description in enumerate(descriptions, start=1)]
    return make_plan(PRUNING, inventory(*held))


def test_hostile_descriptions_are_rendered_as_text() -> None:
    text = markdown(pruned(*HOSTILE))

    check_harmless(text)
    rows = [token for token in tokens(text) if token.type == "tr_open"]
    cells = [token for token in tokens(text) if token.type in {"td_open", "th_open"}]
    assert len(rows) == 1 + len(HOSTILE)
    assert len(cells) == 3 * len(rows), "no broken table"
    shown = "".join(token.content for token in tokens(text) if token.type in {"text", "text_special"})
    for description in HOSTILE:
        assert visible(description)[:40] in shown


def compared(before: Config, after: Config, seen: Inventory) -> str:
    return plan_markdown(compare(before, resolve(after, seen), seen, seen.observed_at))


def test_hostile_names_are_text_in_what_a_change_causes_too() -> None:
    held = inventory(*(backup(number, name, age=days(number)) for number, name in enumerate(HOSTILE, start=1)))
    series = [DeclaredSeries(description=name, every=None, keep=last(1)) for name in HOSTILE]
    before = replace(PRUNING, servers=(replace(PRUNING.servers[0], prune=False, ignore=tuple(HOSTILE)),))
    more = (replace(PRUNING.servers[0], key=name, id=name, series=tuple(series)) for name in HOSTILE)

    text = compared(before, replace(PRUNING, servers=(*PRUNING.servers, *more)), held)

    check_harmless(text)
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("number", [1000, pytest.param(5000, marks=pytest.mark.all_schedules)])
def test_what_a_change_causes_comes_first_in_a_comment_about_thousands_of_servers(number: int) -> None:
    servers = tuple(Server(id=each, name=f"s{each}") for each in range(1, number + 1))
    held = (
        backup(10 * each + age, server=server, age=days(age))
        for each, server in enumerate(servers, 1)
        for age in (1, 2, 3)
    )
    seen = inventory(*held, servers=servers)
    series = 'backups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
    before = config(f'[fleets.all]\nmatch = "*"\n{series.replace("1 }", "2 }")}')
    after = config(f'[fleets.all]\nmatch = "*"\n{series}')
    one = config(f"{before.sources[0].text}[servers.s7]\nid = 7\n{series}")
    own = config(
        "".join(
            f'[servers.s{each}]\nid = {each}\nbackups = [{{description = "{each}"}}]\n' for each in range(1, number)
        )
    )

    every_one, only_one, unlike = (compared(before, each, seen) for each in (after, one, own))

    for text in (every_one, only_one, unlike):
        assert 20_000 < len(text) <= LARGEST
        assert text.count("<details>") == text.count("</details>")
        assert ("Nothing else is due" if text is unlike else "Due in any case: ") in text
    assert f"Because of this change&#58; {number:,} more deletes withheld on {number:,} servers" in every_one
    row = "<code>nightly on s1, s10, s100 and"
    assert every_one.index(row) < every_one.index("the whole plan")
    assert "lines and servers did not fit**; `-v` instead of `--markdown` shows all of it." in unlike
    assert only_one.index("<code>s7/nightly&#35;71</code>") < only_one.index("the whole plan")


def test_what_a_change_causes_leaves_room_for_the_plan_however_long_the_names_are() -> None:
    names = [f"{number:03} {'&' * 200}" for number in range(150)]
    seen = inventory(*(backup(number, name, age=days(2)) for number, name in enumerate(names)))
    before = declare('{ description = "x", keep = 1 }', server=f"ignore = {names}")
    after = declare('{ description = "x", keep = 1 }', server="prune = true")

    text = compared(before, after, seen)

    assert len(text) <= LARGEST
    assert text.index("lines and servers did not fit") < text.index("<summary>The whole plan: ")


def test_hostile_names_are_text_in_the_record_of_a_status_too() -> None:
    servers = tuple(Server(id=f"{name}{number}", name=name) for number, name in enumerate(HOSTILE))
    declared = declare('{ description = "nightly", keep = 1 }')
    seen = inventory(servers=servers)
    source = Source(filename="|<b>`x", text="")

    text = status_markdown(status(resolve(replace(declared, sources=(source,)), seen), seen, NOW))

    check_harmless(text)
    shown = "".join(token.content for token in tokens(text) if token.type in {"text", "text_special"})
    for name in HOSTILE:
        assert visible(name) in shown
    cells = [token for token in tokens(text) if token.type in {"td_open", "th_open"}]
    facts = text.split("###")[0].count("\n|") - 1
    assert len(cells) == 2 * facts + 3 * (1 + 1) + 2 * (1 + len(HOSTILE)), "no broken table"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_template_that_forgets_to_escape_does_no_harm(text: str) -> None:
    template = _environment(plain).from_string("- {{ text }}, {{ text | code }}\n")

    check_harmless(template.render(text=text))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_no_description_at_all_becomes_markup(descriptions: list[str]) -> None:
    check_harmless(markdown(pruned(*descriptions)))


def test_the_verdict_comes_first_and_what_is_withheld() -> None:
    lines = markdown(pruned(*(f"x{number}" for number in range(9)))).splitlines()

    assert lines[0] == "<!-- reconcile plan creates=0 deletes=9 withheld=9 -->"
    assert lines[1] == "### reconcile: 0 to create, 9 to delete (9 withheld)"
    assert lines[3] == (
        "> **Withheld: 9 deletes.** The plan would lose 9 of 9 backups with data on the declared servers; no usable "
        "backup would be left. To allow this loss for one run: reconcile apply --allow-loss 9"
    )


def test_no_changes_is_a_verdict_too() -> None:
    plan = make_plan(declare('{ description = "nightly", keep = 1 }'), inventory(backup(1)))

    assert markdown(plan).startswith(
        "<!-- reconcile plan creates=0 deletes=0 withheld=0 -->\n### reconcile: no changes\n"
    )


def test_where_there_is_no_plan_every_reason_and_its_place_stand_in_its_stead() -> None:
    with pytest.raises(UserError) as raised:
        config("[servers.a]\nid = 1\nevry = 1\n")
    hostile = [Diagnostic(summary=text, detail=text) for text in HOSTILE]

    text = diagnostics_markdown([*raised.value.diagnostics, *hostile], "plan")

    assert text.startswith(f"<!-- reconcile plan -->\n### reconcile: no plan, {1 + len(HOSTILE)} errors\n")
    assert "backups&#46;toml&#58;3&#58;1</code>: unknown key &#34;evry&#34;. Valid keys" in text
    check_harmless(text)


def test_errors_warnings_and_targets_are_there() -> None:
    declared = config("[servers.a]\nid = 1\npinned = [7]\n[servers.b]\nid = 2\n")

    text = markdown(make_plan(declared, inventory(servers=(Server(id=1, name="a"),)), "*"))

    assert "### reconcile: no changes, 1 error\n" in text
    assert "This plan covers only --target &#42;&#46;" in text
    assert "- ❌ <code>b</code>: the account has no server with the id 2. Correct the id" in text
    assert "- ⚠ <code>a</code>: pinned backup 7 does not exist. " in text


def test_deletes_keep_their_place_however_much_is_odd() -> None:
    held = [backup(number, "x", age=days(3), status="queued") for number in range(1000)]

    text = markdown(make_plan(declare("", server="prune = true"), inventory(*held, backup(5000, "y"))))

    assert text.index("web/y&#35;5000") < text.index("⚠")
    assert text.count("⚠") == 21
    assert "- ⚠ and 981 more" in text


def test_deletes_are_visible_and_servers_fold() -> None:
    text = markdown(
        make_plan(
            declare('{ description = "nightly", keep = 1 }', server="prune = true\npinned = [3]"),
            inventory(backup(1, "x", age=days(1)), backup(2), backup(3, "y")),
        )
    )

    visible_part = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert (
        "| <code>web/x&#35;1</code> | 1d old, 1.0\N{NO-BREAK SPACE}GiB | undeclared&#58; prune = true |" in visible_part
    )
    assert "<details><summary><code>web</code>: 0 to create, 1 to delete, 1 unchanged</summary>" in text
    assert "- **delete** <code>web/x&#35;1</code>: undeclared&#58; prune = true" in text
    assert "- kept: <code>web/nightly&#35;2</code>, 0s old, 1.0\N{NO-BREAK SPACE}GiB: last=1" in text
    assert "- unmanaged: <code>web/y&#35;3</code>, 0s old, 1.0\N{NO-BREAK SPACE}GiB: pinned" in text


def test_a_create_says_why() -> None:
    text = markdown(make_plan(declare('{ description = "nightly", keep = 1 }'), inventory()))

    assert "- **create** <code>web/nightly</code>: missing&#58; no backup exists" in text


@pytest.mark.parametrize("length", [10, 200])
def test_five_thousand_actions_are_under_the_limit_and_what_is_left_out_is_counted(length: int) -> None:
    servers = tuple(Server(id=number, name=f"server-{number}") for number in range(1, 1001))
    file = config(
        "[settings]\nprune = true\n" + "".join(f"[servers.{server.name}]\nid = {server.id}\n" for server in servers)
    )
    held = [
        backup(number, "|" * length, age=days(1 + number % 50), server=servers[number % 1000]) for number in range(5000)
    ]

    text = markdown(make_plan(file, inventory(*held, servers=servers)))

    assert len(text) <= LARGEST
    assert "5,000 to delete" in text
    left_out = int(re.search(r"\*\*([\d,]+) more lines and servers did not fit", text)[1].replace(",", ""))  # type: ignore[index]
    shown = text.count("| withheld: undeclared&#58; ")
    assert shown > 100
    assert left_out == 5000 - shown + 1000 + 1  # every server, and the warning that no series is declared
    check_harmless(text)
