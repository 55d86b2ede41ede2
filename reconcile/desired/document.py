"""The tables of a TOML file (spec, section 2): what pydantic checks, and what `reconcile schema` describes."""

import functools
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from reconcile.desired.fields import (
    COUNT_SCHEMA,
    ChoiceField,
    CountField,
    DescriptionField,
    DescriptionsField,
    DurationField,
    FleetName,
    FleetPruneField,
    IdField,
    PercentField,
    PruneField,
    ServerKey,
    TextField,
    TextListField,
    ZoneField,
    table_or_count,
)
from reconcile.durations import Duration


class Table(BaseModel):
    """A TOML table: unknown keys are refused, and no value is converted from one type to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class KeepTable(Table):
    """Which usable backups of a series stay; a backup stays if any rule keeps it, as in restic's `forget`."""

    last: CountField | None = Field(None, description="The newest N.")
    hourly: CountField | None = Field(None, description="The newest of each of the last N hours that have one.")
    daily: CountField | None = Field(None, description="The newest of each of the last N days that have one.")
    weekly: CountField | None = Field(None, description="The newest of each of the last N ISO weeks that have one.")
    monthly: CountField | None = Field(None, description="The newest of each of the last N months that have one.")
    yearly: CountField | None = Field(None, description="The newest of each of the last N years that have one.")
    within: DurationField | None = Field(None, description="All that are less than this older than the newest.")
    within_hourly: DurationField | None = Field(None, description="One an hour, within this of the newest.")
    within_daily: DurationField | None = Field(None, description="One a day, within this of the newest.")
    within_weekly: DurationField | None = Field(None, description="One an ISO week, within this of the newest.")
    within_monthly: DurationField | None = Field(None, description="One a month, within this of the newest.")
    within_yearly: DurationField | None = Field(None, description="One a year, within this of the newest.")


class _OrCount:
    """In the schema, a keep table may also be a number or "all"."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [*COUNT_SCHEMA, handler(core)]}


def _keep(value: object) -> object:
    keep = table_or_count(value)
    return keep if isinstance(keep, dict) else _newest(keep)


@functools.cache  # a large file repeats a handful of counts
def _newest(count: int | Literal["all"]) -> KeepTable:
    return KeepTable(last=count)


KeepField = Annotated[KeepTable, BeforeValidator(_keep), _OrCount()]


class SettingsTable(Table):
    """Settings for all servers."""

    timezone: ZoneField = Field(
        ZoneInfo("UTC"), description="The calendar that keep's days, weeks and months follow (IANA name)."
    )
    prune: PruneField = Field(
        default=False,
        description="What happens to undeclared backups on declared servers: false, true or an age.",
    )
    max_shrink: PercentField = Field(
        20, description="Deletes that would lose more than this share of the usable backups are withheld."
    )
    stalled_after: DurationField = Field(
        Duration(seconds=24 * 3600),
        description="A backup in progress for longer than this is stalled, and does not count.",
    )
    account: TextField | None = Field(
        None,
        description="The e-mail address of the account that the file is for; with another one, nothing is planned.",
    )


class RequireTable(Table):
    """What must hold, whoever edits the rest of the files."""

    all_servers: bool = Field(
        default=False, description="Every server of the account is declared, by a table or by a fleet."
    )
    every: DurationField | None = Field(
        None, description="Each server that has series has one whose every is at most this."
    )
    retention: DurationField | None = Field(
        None, description="Each server that has series has one whose policy always reaches back at least this far."
    )
    min_age: DurationField | None = Field(None, description="No usable backup that is younger is deleted.")


class PolicyTable(Table):
    """A named policy, shared by any number of series."""

    every: DurationField | None = Field(None, description="A new backup is due when the newest is this old.")
    keep: KeepField | None = Field(None, description='How many stay: a number, "all", or a table of rules.')


class BackupTable(PolicyTable):
    """A series: all manual backups of the server with this description."""

    description: DescriptionField = Field(description="The identity of the series; the service stores nothing else.")
    policy: str | None = Field(None, description="The name of a policy; every and keep here override it.")
    renamed_from: DescriptionsField = Field(
        (),  # not a list, of which every series would get a copy
        description="What the description was before: backups that still have it belong to this series too. "
        "Text or a list.",
    )


class ServerTable(Table):
    """A server, and the manual backups to keep on it."""

    id: IdField = Field(description="The server's id in the account.")
    name: str | None = Field(None, description="The server's name in the account, if the key is not that name.")
    prune: PruneField | None = Field(None, description="Overrides settings.prune.")
    pinned: list[IdField] = Field([], description="Ids of backups that are never deleted.")
    backups: list[BackupTable] = []


class FleetTable(Table):
    """Every server of the account that this chooses, now and later, and the manual backups to keep on each of them.

    A server with a table of its own is in no fleet; of several fleets, the first has it.
    """

    match: ChoiceField = Field(description='Globs on the names of the account\'s servers; "*" is all of them.')
    exclude: TextListField = Field([], description="Globs on the names that are left out all the same.")
    location: ChoiceField | None = Field(None, description="Only servers in these locations.")
    status: ChoiceField | None = Field(None, description='Only servers with these statuses, such as "active".')
    prune: FleetPruneField = Field(
        default=False, description="What happens to undeclared backups on these servers: false, or an age."
    )
    backups: list[BackupTable] = []


class Document(Table):
    """The manual backups to keep on each VPS.org server; read by reconcile."""

    settings: SettingsTable | None = None
    require: RequireTable | None = None
    policies: dict[str, PolicyTable] = {}
    servers: dict[ServerKey, ServerTable] = {}
    fleets: dict[FleetName, FleetTable] = {}
