"""The JSON Schema of the file, from the same models that check it."""

from typing import Any

from reconcile.desired.document import Document


def schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Document.model_json_schema(),
        "title": "reconcile backups.toml",
    }
