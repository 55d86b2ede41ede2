"""Ids as the service gives them (api.md, "Ids"): opaque, compared and sorted, never calculated with."""

Id = int | str
"""An integer or a non-empty string."""


def id_order(identifier: Id) -> tuple[int, str]:
    """Return a key that sorts ids of either type, whole numbers by value."""
    text = str(identifier)
    return len(text), text
