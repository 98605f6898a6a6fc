"""What somebody has to see to although no run failed: a damaged store, keys and a timestamp that
run out, runs that are late, sites that fell silent; and changes of champions that nobody told of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product

from smartwatts_ml.errors import NotFoundError, StoreError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.ingest.landing import list_landing
from smartwatts_ml.readings.table.table import existing_table
from smartwatts_ml.runs.claims import standing_claim
from smartwatts_ml.runs.notified import Notified, Severity, Trouble
from smartwatts_ml.runs.site_ends import site_ends
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.watch import known
from smartwatts_ml.store import HistoryEntry, Store, open_store
from smartwatts_ml.store.canonical import parse_time

__all__ = ["find_troubles", "untold_changes"]

_NAMED = 10
"""So many sites are named; a thousand that fell silent are one outage."""


def find_troubles(
    objects: Objects, settings: Settings, now: datetime | None = None
) -> list[Trouble]:
    """All that there are now. Raises StoreError where the root cannot be read."""
    when = now or datetime.now(UTC)
    return [
        *_of_store(open_store(objects, settings), settings, when),
        *_late_runs(objects, settings, when),
        *_silence(objects, settings, when),
        *_watched(objects),
    ]


def untold_changes(objects: Objects, settings: Settings, memory: Notified) -> list[HistoryEntry]:
    """Changes of champions that nobody was told of, oldest first: of the command line, mostly."""
    store = open_store(objects, settings)
    changes: list[HistoryEntry] = []
    for model in store.models():
        try:
            history = store.history(model)
        except StoreError:  # a trouble, which is told as such
            continue
        changes += [entry for entry in history if memory.is_untold(model, entry.serial)]
    return changes


def _of_store(store: Store, settings: Settings, now: datetime) -> Iterator[Trouble]:
    if store.metadata() == (None, None):
        return
    for audit in (*map(store.verify, store.models()), store.verify_repository()):
        for finding in audit.findings:
            fix = "`smartwatts models verify --repair`" if finding.repairable else "docs/store.md"
            what = f"{finding.key}: {finding.problem}"
            severity: Severity = "warning" if finding.in_time else "critical"
            yield Trouble(f"store {finding.key}", severity, what, fix)
    expires = _expiry(store)
    if expires and expires - now < timedelta(hours=settings.timestamp_hours) / 2:
        yield Trouble(
            "timestamp",
            "critical",
            f"gateways take what they are told until {expires:%Y-%m-%d %H:%M} UTC, and nobody has "
            "signed it again",
            "docs/operations.md, “The timestamp has expired”",
        )


def _expiry(store: Store) -> datetime | None:
    """When the timestamp expires; None where an audit says what is wrong with it."""
    for model in store.models():
        try:
            return parse_time(store.pointer(model).expires)
        except (NotFoundError, StoreError):
            continue
    return None


def _late_runs(objects: Objects, settings: Settings, now: datetime) -> Iterator[Trouble]:
    for model in model_names():
        claim = standing_claim(objects, model, now)
        late = claim and now - claim.time >= timedelta(hours=settings.late_hours)
        if claim and late and not claim.waits(now):
            yield Trouble(
                f"late {model} {claim.run_id}",
                "warning",
                f"{model} is not decided: {claim}",
                f"docs/operations.md, “A run is late”; if it is gone, `smartwatts models release "
                f"{model}`",
            )


def _silence(objects: Objects, settings: Settings, now: datetime) -> Iterator[Trouble]:
    """Sites whose readings end long before those of the others, and a landing/ into which
    nothing has come for as long."""
    longest = timedelta(days=settings.silent_days)
    if not longest:
        return
    landed = max((info.arrived for info in list_landing(objects)[0]), default=None)
    if landed and now - landed >= longest:
        what = f"nothing has come into landing/ since {landed:%Y-%m-%d %H:%M} UTC"
        yield Trouble("landing", "warning", what, "what brings files there? SMARTWATTS_SILENT_DAYS")
    table = existing_table(objects)
    ends = site_ends(objects.url, table.id, table.version) if table else {}
    known = {site: end for site, end in ends.items() if end <= now.timestamp()}
    newest = max(known.values(), default=0.0)
    silent = sorted(s for s, end in known.items() if newest - end >= longest.total_seconds())
    if silent:
        called = site_names(objects, settings)
        named = [f"{called(site)} since {_day(known[site])}" for site in silent[:_NAMED]]
        more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
        what = f"{len(silent)} of {len(known)} sites are silent: {', '.join(named)}{more}"
        about = f"silent {sha256(' '.join(silent).encode()).hexdigest()[:16]}"
        yield Trouble(about, "warning", what, "`smartwatts readings stats` has the end of each")


def _watched(objects: Objects) -> Iterator[Trouble]:
    """What was found of champions after they were published, and waits for somebody."""
    for model, candidate in product(model_names(), (False, True)):
        watched = known(objects, model, candidate=candidate)
        if watched is None or watched.done:
            continue
        about = f"{watched.finding} {model} v{watched.version}"
        if watched.finding in ("back", "harm"):
            back = f"rollout halt {model}" if candidate else f"rollback {model} {watched.against}"
            fix = f"`smartwatts models {back} --reason …`"
            yield Trouble(about, "critical", f"{model} {watched.reason}", fix)
        elif watched.finding == "drift":
            fix = f"`smartwatts retrain {model}`"
            yield Trouble(about, "warning", f"{model}: {watched.reason}", fix)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
