"""What holds of `[require]`, whatever the policy: what is promised is so, night by night."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import after, configs, inventories, rules
from support.build import days, hours, inventory, make_plan
from support.examples import times

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import Requirements, Settings
from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.plan.planner import plan
from reconcile.plan.reach import reach
from reconcile.plan.retention import is_cumulative, retain

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2001, 1, 1, 12, tzinfo=UTC)
A_DAY = Duration(days=1)
WEB = Server(id=1, name="web")

keeps = st.lists(rules, min_size=1, max_size=3).map(tuple)
spans = st.sampled_from(["1d", "3d", "6d", "14d", "28d", "29d", "30d", "31d", "1mo", "60d"]).map(Duration.parse)


def nightly(keep: Keep) -> Config:
    series = DeclaredSeries(description="nightly", every=A_DAY, keep=keep)
    server = DeclaredServer(
        key="web",
        name="web",
        id=1,
        prune=False,
        pinned=(),
        series=(series,),
        place=Place(filename="backups.toml", path=("servers", "web")),
    )
    return Config(settings=Settings.model_construct(max_shrink=100), servers=(server,))


def oldest_after_each(keep: Keep, nights: list[datetime]) -> list[timedelta]:
    """Really plan and carry out each night; return how old the oldest backup then is."""
    declared, seen, ages = nightly(keep), inventory(servers=(WEB,)), []
    desired = resolve(declared, seen)
    for now in nights:
        seen = after(plan(desired, seen, now), seen, now)
        ages.append(now - min(each.created_at for each in seen.backups))
    return ages


@times(0.08)  # each plans 400 nights and more
@given(keeps, spans, st.integers(0, 3000), st.lists(st.integers(0, 23), min_size=20, max_size=20))
def test_what_passes_always_reaches_back_so_far_less_the_outages(
    keep: Keep, span: Duration, first: int, delays: list[int]
) -> None:
    if reach(A_DAY, keep, UTC_ZONE, span) is not None:
        return
    begins = START + days(first)
    nights = [begins + days(night) + hours(delays[night % len(delays)] * (night % 3 == 0)) for night in range(400)]

    for now, age in zip(nights, oldest_after_each(keep, nights), strict=True):
        if span.after(begins, UTC_ZONE) + days(1) < now:
            assert span.after(now - age - days(1), UTC_ZONE) <= now


@times(0.08)  # each plans 400 nights and more
@given(keeps, spans)
def test_what_fails_has_a_night_on_which_it_does_and_reaches_as_far_as_is_said(keep: Keep, span: Duration) -> None:
    begins = span.before(START, UTC_ZONE)
    nights = [begins + days(night) for night in range((START - begins).days + 400)]
    ages = [(now, age) for now, age in zip(nights, oldest_after_each(keep, nights), strict=True) if now >= START]
    too_young = [age for now, age in ages if span.after(now - age, UTC_ZONE) > now]

    lowest = reach(A_DAY, keep, UTC_ZONE, span)

    assert (lowest is None) == (not too_young)
    if too_young and not span.months:
        assert lowest == min(too_young)


@times(0.3)
@given(keeps, rules, spans, st.sampled_from(["12h", "1d", "2d", "1w"]).map(Duration.parse))
def test_a_longer_policy_never_fails_where_a_shorter_passes(
    keep: Keep, more: KeepCount | KeepWithin, span: Duration, every: Duration
) -> None:
    if reach(every, keep, UTC_ZONE, span) is None:
        assert reach(every, (*keep, more), UTC_ZONE, span) is None


@times(0.5)
@given(st.sampled_from(list(Period)), st.integers(1, 40), spans)
def test_a_larger_count_never_reaches_less_far(period: Period, count: int, span: Duration) -> None:
    fewer, more = (
        reach(A_DAY, (KeepCount(period=period, count=number),), UTC_ZONE, span) for number in (count, count + 1)
    )

    assert more is None or (fewer is not None and fewer <= more)


@times(2)
@given(keeps, st.lists(st.integers(1, 72), min_size=2, max_size=40), st.integers(1, 39))
def test_retention_asked_once_is_retention_asked_each_time(keep: Keep, gaps: list[int], asked_at: int) -> None:
    """What `reach` relies on, to look at many applies at once."""
    if not is_cumulative(keep):
        return
    made = [START + hours(sum(gaps[:number])) for number in range(len(gaps))]
    each_time: list[datetime] = []
    for moment in made:
        each_time = kept([moment, *each_time], keep)

    before = kept(made[:asked_at][::-1], keep)
    assert kept([*made[asked_at:][::-1], *before], keep) == each_time
    assert kept(made[::-1], keep) == each_time


def kept(newest_first: list[datetime], keep: Keep) -> list[datetime]:
    reasons = retain(newest_first, keep, UTC_ZONE)
    return [moment for moment, reason in zip(newest_first, reasons, strict=True) if reason]


@given(configs(), inventories(), st.sampled_from(["1h", "1d", "30d", "1y"]).map(Duration.parse))
def test_min_age_never_makes_a_plan_create_or_delete_more(config: Config, seen: Inventory, min_age: Duration) -> None:
    without = make_plan(config, seen)
    with_it = make_plan(replace(config, require=Requirements.model_construct(min_age=min_age)), seen)

    assert with_it.creates == without.creates
    assert {delete.address for delete in with_it.deletes} <= {delete.address for delete in without.deletes}
