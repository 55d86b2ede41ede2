"""The JSON Schema of the file accepts and refuses what the reader does."""

from collections.abc import Mapping

import jsonschema
import pytest
import tomli_w
from support.build import config as parse

from reconcile.desired.document import schema
from reconcile.diagnostics import UserError

VALIDATOR = jsonschema.Draft202012Validator(schema())


def series(**keys: object) -> dict[str, object]:
    return {"servers": {"web": {"id": 1, "backups": [{"description": "x", **keys}]}}}


def test_it_is_a_schema() -> None:
    VALIDATOR.check_schema(schema())


@pytest.mark.parametrize(
    "document",
    [
        {},
        series(),
        series(keep=7),
        series(keep="all"),
        series(keep={"daily": 7, "within": "1y"}),
        series(every="1d"),
        series(renamed_from="old"),
        series(renamed_from=["old", "older"]),
        {"settings": {"prune": "7d", "timezone": "Europe/Rome", "max_shrink": "100%"}},
        {"servers": {"web": {"id": "a-1", "pinned": [1, "b"], "prune": True}}},
        {"settings": {"account": "ops@example.com"}, "require": {"all_servers": True, "min_age": "3d"}},
        {"fleets": {"web": {"match": "*", "prune": False, "backups": [{"description": "x"}]}}},
        {"fleets": {"web": {"match": ["a", "b"], "exclude": [], "location": "us-west", "prune": "30d"}}},
    ],
)
def test_what_it_accepts_is_valid(document: Mapping[str, object]) -> None:
    VALIDATOR.validate(document)

    parse(tomli_w.dumps(document))


@pytest.mark.parametrize(
    "document",
    [
        {"x": 1},
        series(keep=0),
        series(keep="most"),
        series(keep={"dayly": 1}),
        series(every="1m"),
        series(evry="1d"),
        series(description=" x"),
        series(renamed_from=7),
        series(renamed_from=["old "]),
        {"settings": {"prune": 7}},
        {"servers": {"web": {"id": ""}}},
        {"servers": {"web": {"id": 2**63}}},
        series(keep=2**63),
        {"servers": {"web": {}}},
        {"settings": {"account": ""}},
        {"require": {"every": 1}},
        {"require": {"all_servers": "yes"}},
        {"fleets": {"web": {}}},
        {"fleets": {"web": {"match": []}}},
        {"fleets": {"web": {"match": "*", "location": [""]}}},
        {"fleets": {"web": {"match": "*", "prune": True}}},
        {"fleets": {"web": {"match": "*", "pinned": [1]}}},
    ],
)
def test_what_it_refuses_is_invalid(document: Mapping[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)

    with pytest.raises(UserError):
        parse(tomli_w.dumps(document))
