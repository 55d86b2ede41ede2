"""The frame of every page: one file that needs no network, and can be read without its script.

Every text is escaped as it is written: by Jinja, so that it is no markup, and by `visible`, so that it hides nothing.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reconcile import __version__
from reconcile.report.document import Raw
from reconcile.report.escape import visible, with_units_unbroken

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def page(template: str, *, script: str = "", **values: object) -> Raw:
    """Return a page from a template in `report/`. Templates hold the layout; the values are what is said.

    The page runs the file `script`, if one is named, and by its hash the browser runs no other script.
    """
    environment = _environment()
    code = Markup(environment.get_template(script).render()) if script else ""  # noqa: S704 - a file of our own
    digest = b64encode(sha256(code.encode()).digest()).decode()
    rendered = environment.get_template(template).render(version=__version__, script=code, digest=digest, **values)
    return Raw(rendered)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reconcile", "report"),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole_dates"] = _with_whole_dates
    return environment


def _finalized(value: object) -> object:
    """Write out what is not printable in every text that a template shows, but for what a macro has made."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return with_units_unbroken(visible(value, 1000))


def _with_whole_dates(text: str) -> Markup:
    """Return a text in which no line is broken within a date."""
    escaped = str(escape(_finalized(text)))
    return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', escaped))  # noqa: S704 - just escaped
