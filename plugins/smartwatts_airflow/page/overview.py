"""The champions, a row a model, as the Models page shows them first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any

from smartwatts_airflow.page.metrics import Metric, metrics_of
from smartwatts_ml.errors import NotFoundError, SmartwattsError, TrustError
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.objects import Objects
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.pulling.rings import Candidate
from smartwatts_ml.runs.at_work import AtWork, at_work
from smartwatts_ml.runs.claims import Claim, standing_claim
from smartwatts_ml.runs.state import FAILED, ModelState, read_state
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, HistoryEntry, Store, open_store
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.forced import FORCE, Forced, in_force_by_force

__all__ = [
    "ModelRow",
    "age",
    "for_gateways",
    "last_decision",
    "overview",
    "version_before",
    "work_on",
]

_MODELS_AT_ONCE = 5


@dataclass(frozen=True)
class ModelRow:
    """A model and its champion. ``problem`` says why there is nothing to be trusted; ``forced``:
    who put the champion in force against the gate, however often it was rolled back since;
    ``before``: the version that one goes back to; ``candidate``: what a ring of gateways
    takes instead."""

    model: str
    kind: str
    version: int | None = None
    before: int | None = None
    action: str = ""
    since: datetime | None = None
    expires: datetime | None = None
    metrics: tuple[Metric, ...] = ()
    waiting: int | None = None
    last: ModelState | None = None
    claim: Claim | None = None
    at_work: AtWork | None = None
    forced: Forced | None = None
    candidate: Candidate | None = None
    problem: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the last run on it failed."""
        return self.last is not None and self.last.outcome == FAILED

    @property
    def outcome(self) -> str:
        """Of the last run; empty before the first."""
        if self.last is None:
            return ""
        if self.last.reason.startswith(f"{self.model} forced by"):
            return "forced"
        return self.last.outcome

    @property
    def metric(self) -> Metric | None:
        """The one that decides."""
        return self.metrics[0] if self.metrics else None


def overview(objects: Objects, current: Settings, waiting: Mapping[str, int]) -> list[ModelRow]:
    """A row for each model that this project trains, whatever is wrong with one of them.
    ``waiting``: readings since each model's last decision."""
    work = partial(_row, objects, current, waiting)
    return list(map_ahead(work, model_names(), _MODELS_AT_ONCE))


def work_on(objects: Objects, model: str) -> ModelRow:
    """A model, with no more than what is done about it now."""
    claim, note = standing_claim(objects, model), at_work(objects, model)
    return ModelRow(model, find_model(model)[0].title, claim=claim, at_work=note)


def last_decision(rows: Iterable[ModelRow]) -> ModelState | None:
    """What was decided last, of whichever model; None before the first decision."""
    states = [row.last for row in rows if row.last and row.last.time]
    return max(states, key=attrgetter("time"), default=None)


def _row(objects: Objects, current: Settings, waiting: Mapping[str, int], model: str) -> ModelRow:
    kind, _ = find_model(model)
    facts: dict[str, Any] = {"model": model, "kind": kind.title, "waiting": waiting.get(model)}
    try:
        facts |= {"claim": standing_claim(objects, model), "at_work": at_work(objects, model)}
        facts["last"] = read_state(objects, model)
        facts |= _champion(open_store(objects, current), kind, model)
    except SmartwattsError as error:
        facts["problem"] = str(error)
    return ModelRow(**facts)


def _champion(store: Store, kind: Kind, model: str) -> dict[str, Any]:
    champion = store.champion(model)
    if champion is None:
        return {}
    entry = champion.entry
    facts: dict[str, Any] = {
        "version": champion.version,
        "before": entry.previous_version,
        "action": entry.action,
        "since": parse_time(entry.time),
        "metrics": metrics_of(kind, champion.manifest.metrics),
    }
    # A version comes into force for the first time once: only a rollback needs the whole history.
    if entry.action != "promote":
        history = (entry,) if entry.action == FORCE else store.history(model)
        facts["forced"] = in_force_by_force(history)
        facts["before"] = version_before(history)
    beside = champion.candidate
    facts["candidate"] = beside if beside and beside.is_out(datetime.now(UTC)) else None
    facts["expires"], facts["problem"] = for_gateways(store, champion)
    return facts


def version_before(history: Sequence[HistoryEntry]) -> int | None:
    """The version that one goes back to from the champion: what was in force before that came for
    the first time, so that after a rollback it is none that was rolled back from."""
    champion = history[-1].version
    return next(e.previous_version for e in history if e.version == champion)


def for_gateways(store: Store, champion: Champion) -> tuple[datetime | None, str | None]:
    """Until when gateways can pull a champion, and why they cannot."""
    expires = None
    try:
        expires = parse_time(store.pointer(champion.manifest.model).expires)
        store.read_file(champion.manifest)
    except (NotFoundError, TrustError) as error:
        return expires, f"gateways cannot pull it: {error}"
    return expires, None


def age(since: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits.

    >>> age(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 22, 5, tzinfo=UTC))
    '2 days ago'
    """
    seconds = ((now or datetime.now(UTC)) - since).total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
