"""Makes the pictures of the README from real output, and writes them to .github/pictures.

python -m tests.pictures                 # all of them; those of the pages need Chromium
python -m tests.pictures status.svg      # some of them
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for support/, as the tests have it

from . import page, terminal


def _svg(name: str) -> bytes:
    return terminal.svg(name).encode()


FOLDER = Path(__file__).parents[2] / ".github" / "pictures"
MAKERS: dict[str, Callable[[], bytes]] = {
    **{f"{name}.svg": partial(_svg, name) for name in terminal.PICTURES},
    **{
        f"{name}-{scheme}.png": partial(page.png, name, scheme)
        for name, (_, schemes, _) in page.PAGES.items()
        for scheme in schemes
    },
}
"""Each file, and what makes it."""


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="*", help=f"what to make (default: all): {', '.join(MAKERS)}")
    asked = parser.parse_args().file or list(MAKERS)
    if unknown := sorted(set(asked) - set(MAKERS)):
        parser.error(f"there is no {unknown[0]!r}; known are {', '.join(MAKERS)}")
    FOLDER.mkdir(exist_ok=True)
    for name in asked:
        (FOLDER / name).write_bytes(MAKERS[name]())


if __name__ == "__main__":
    main()
