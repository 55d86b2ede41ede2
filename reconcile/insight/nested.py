"""What differs between nested values."""

from collections.abc import Iterator, Mapping
from typing import Any


def changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[tuple[list[Any], Any, Any]]:
    """Yield the path of each value that differs, and the value before and after; None where there is none."""
    if before == after:
        return
    from deepdiff import DeepDiff  # noqa: PLC0415 - 0.3 s, and most runs compare nothing
    from deepdiff.helper import notpresent  # noqa: PLC0415

    # By default, deepdiff reports one change of everything if few keys are in common, and skips keys that start with
    # underscores, which names may do.
    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    for item in (item for kind in sorted(found) for item in found[kind]):
        old, new = (None if side is notpresent else side for side in (item.t1, item.t2))
        yield item.path(output_format="list"), old, new
