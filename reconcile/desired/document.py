"""The tables of a TOML file (spec, section 2): what pydantic checks, and what `reconcile schema` describes."""

import functools
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from reconcile.desired import fields
from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.durations import Duration


class Table(BaseModel):
    """A TOML table. Refuses unknown keys, and converts no value from one type to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True, defer_build=True)


def _keep_keys() -> Iterator[tuple[str, Any]]:
    for period in Period:
        which = f"backup of each of the last N {period.noun}s that have one" if period.bucket else "N"
        yield period, (fields.CountField | None, Field(None, description=f"Keep the newest {which}."))
    for period in Period:
        which = f"the newest backup of each {period.noun}" if period.bucket else "every backup"
        text = f"Keep {which} within this time before the newest."
        yield period.within_key, (fields.DurationField | None, Field(None, description=text))


KeepTable = create_model(
    "KeepTable",
    __base__=Table,
    __doc__="Which usable backups of a series to keep: those that at least one rule keeps, as in restic's `forget`.",
    **dict(_keep_keys()),
)


def _keep(value: object, read_table: ValidatorFunctionWrapHandler) -> Keep:
    """Return the rules of `keep`; a number or "all" counts the newest backups."""
    keep = fields.table_or_count(value)
    return _rules(read_table(keep)) if isinstance(keep, dict) else _newest(keep)


@functools.cache  # a large file repeats a few counts
def _newest(count: int | Literal["all"]) -> Keep:
    return (KeepCount(period=Period.LAST, count=count),)


@functools.cache  # as in `_newest`
def _rules(table: Table) -> Keep:
    values = dict(table)
    counts = (KeepCount(period=period, count=count) for period in Period if (count := values[period]))
    withins = (KeepWithin(period=period, duration=span) for period in Period if (span := values[period.within_key]))
    return (*counts, *withins)


KeepField = Annotated[
    Keep,
    GetPydanticSchema(lambda _, handler: handler(KeepTable)),
    WrapValidator(_keep, json_schema_input_type=fields.CountField | KeepTable),
]
"""The rules of a keep table, a number or "all", in the order of `Period`."""


class PauseTable(Table):
    """A time in which nothing is created or deleted, or with `creates`, in which nothing is deleted."""

    until: fields.UntilField = Field(description="The last day, or a time with an offset. The pause ends by itself.")
    reason: fields.TextField = Field(description="The reason, shown while the pause lasts.")
    creates: bool = Field(default=False, description="Keep creating backups, and withhold only the deletes.")


class Settings(Table):
    """Settings for all servers."""

    timezone: fields.ZoneField = Field(
        ZoneInfo("UTC"), description="The calendar for the days, weeks and months of keep and every (IANA name)."
    )
    day_start: fields.TimeOfDayField = Field(
        time(18), description="The time at which a day starts, where every is in days, weeks, months or years."
    )
    prune: fields.PruneField = Field(
        default=False,
        description="Whether to delete undeclared backups on declared servers: false, true or an age.",
    )
    ignore: fields.TextListField = Field(
        [],
        description="Globs on descriptions. Undeclared backups that match are never pruned.",
    )
    max_shrink: fields.PercentField = Field(
        20, description="Deletes that would lose more than this share of the backups with data are withheld."
    )
    pause: PauseTable | None = Field(None, description="Create and delete nothing until a date.")
    stalled_after: fields.DurationField = Field(
        Duration(seconds=24 * 3600),
        description="A backup in progress for longer than this is stalled, and does not count.",
    )
    min_size: fields.SizeField = Field(
        1, description="A completed backup that is smaller than this is undersized, and is not usable: MiB or GiB."
    )
    account: fields.TextField | None = Field(
        None,
        description="The e-mail address of the account. With a token for another account, nothing is planned.",
    )


class Requirements(Table):
    """Rules that all files must satisfy."""

    all_servers: bool = Field(
        default=False, description="Every server in the account must be declared, by a table or by a fleet."
    )
    every: fields.DurationField | None = Field(
        None, description="Each server that has series must have one with an every of at most this."
    )
    retention: fields.DurationField | None = Field(
        None, description="Each server that has series must have one that always reaches back at least this far."
    )
    min_age: fields.DurationField | None = Field(
        None, description="Usable backups younger than this are never deleted."
    )
    max_pause: fields.DurationField | None = Field(
        None, description="The longest time from now until the end of a pause."
    )


_EMPTY: Any = ()
"""The default of a list, in place of `[]`, of which pydantic would give each table a copy."""


class PolicyTable(Table):
    """A named policy, shared by any number of series."""

    every: fields.DurationField | None = Field(
        None, description="How often a new backup is due. Days, weeks, months and years follow the calendar."
    )
    keep: KeepField | None = Field(None, description='How many backups to keep: a number, "all", or a table of rules.')
    min_size: fields.SizeField | None = Field(None, description="Overrides settings.min_size.")


class BackupTable(PolicyTable):
    """A series: all manual backups of the server with this description."""

    description: fields.DescriptionField = Field(
        description="The description of the series' backups. It identifies the series."
    )
    policy: str | None = Field(None, description="The name of a policy. Keys of the series override its keys.")
    renamed_from: fields.DescriptionsField = Field(
        _EMPTY,
        description="An old description, or a list of them: backups that still have one belong to this series too. "
        'Globs such as "auto-*" match every undeclared description.',
    )


class ServerTable(Table):
    """A server, and the manual backups to keep on it."""

    id: fields.IdField = Field(description="The server's id in the account.")
    name: str | None = Field(None, description="The server's name in the account, if the key is not that name.")
    prune: fields.PruneField | None = Field(None, description="Overrides settings.prune.")
    pinned: list[fields.IdField] = Field(_EMPTY, description="Ids of backups that are never deleted.")
    ignore: fields.TextListField = Field(_EMPTY, description="More globs, in addition to those in settings.ignore.")
    pause: PauseTable | None = Field(None, description="Create and delete nothing until a date.")
    backups: list[BackupTable] = []


class FleetTable(Table):
    """Every server in the account that this matches, now and later, and the manual backups to keep on each of them.

    A server with its own table is in no fleet. Any other server belongs to the first fleet that matches it.
    """

    match: fields.ChoiceField = Field(description='Globs on the server names in the account; "*" matches all.')
    exclude: fields.TextListField = Field(_EMPTY, description="Globs on names to leave out even if they match.")
    location: fields.ChoiceField | None = Field(None, description="Only servers in these locations.")
    status: fields.ChoiceField | None = Field(None, description='Only servers with these statuses, such as "active".')
    prune: fields.FleetPruneField = Field(
        default=False, description="Whether to delete undeclared backups on these servers: false or an age."
    )
    ignore: fields.TextListField = Field(_EMPTY, description="More globs, in addition to those in settings.ignore.")
    pause: PauseTable | None = Field(None, description="Create and delete nothing until a date.")
    backups: list[BackupTable] = []


class Document(Table):
    """The manual backups to keep on each VPS.org server; read by reconcile."""

    settings: Settings | None = None
    require: Requirements | None = None
    policies: dict[str, PolicyTable] = {}
    servers: dict[fields.KeyField, ServerTable] = {}
    fleets: dict[fields.KeyField, FleetTable] = {}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Document.model_json_schema(),
        "title": "reconcile backups.toml",
    }
