"""Pages, Markdown and TOML from the Jinja templates in `report/`: these contain the layout, the values the text.

Every text is escaped as it is written, so a template that forgets to escape can do no harm. In a page, Jinja escapes
markup and `visible` shows hidden characters; in Markdown, `plain` does both. `safe` marks our own words that have
punctuation. A page is one file that needs no network, and can be read without its script.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from reconcile import __version__
from reconcile.durations import age_text
from reconcile.report.escape import code, plain, visible, with_units_unbroken
from reconcile.wording import count_text, size_text, time_text

if TYPE_CHECKING:
    from jinja2 import Environment

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def page(template: str, *, script: str = "", **values: object) -> str:
    """Return a page. It runs the file `script`, if given; its hash keeps every other script from running."""
    from markupsafe import Markup  # noqa: PLC0415 - with Jinja

    source = Markup(rendered(script, _visible)) if script else ""  # noqa: S704 - a file of our own
    digest = b64encode(sha256(source.encode()).digest()).decode()
    return rendered(template, _visible, script=source, digest=digest, **values)


def markdown(template: str, **values: object) -> str:
    """Return Markdown."""
    return with_units_unbroken(rendered(template, plain, **values))


def rendered(template: str, escaped: Callable[[str], str], **values: object) -> str:
    """Return a template filled with the values, with every text in them `escaped`."""
    return _environment(escaped).get_template(template).render(version=__version__, **values)


@cache
def _environment(escaped: Callable[[str], str]) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - 20 ms, and few runs need it
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    def finalized(value: object) -> object:
        return escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def markup(write: Callable[..., str]) -> Callable[..., Markup]:
        return lambda *values: Markup(write(*values))  # noqa: S704 - words of ours, or just escaped

    def whole_dates(text: str) -> Markup:
        """Return a text in which no line is broken within a date."""
        return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', str(escape(finalized(text)))))  # noqa: S704 - just escaped

    environment = Environment(
        loader=PackageLoader("reconcile", "report"),
        autoescape=select_autoescape(["html.jinja"]),
        finalize=finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    ours: dict[str, Callable[..., str]] = {
        "age": age_text,
        "code": code,
        "count": count_text,
        "plain": plain,
        "size": size_text,
        "time": time_text,
    }
    environment.filters |= {name: markup(write) for name, write in ours.items()} | {"whole_dates": whole_dates}
    return environment


def _visible(text: str) -> str:
    return with_units_unbroken(visible(text, 1000))
