"""Candidates whose step is over: widened, promoted, or taken back where they lapsed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from smartwatts_ml.errors import NotFoundError, StaleChallengerError, StoreError
from smartwatts_ml.pulling.rings import ALL
from smartwatts_ml.settings import Settings
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import HistoryEntry
from smartwatts_ml.store.store import Store
from smartwatts_ml.store.submission import FirstRing
from smartwatts_ml.store.values import Renewed

__all__ = ["advance", "first_ring", "next_step", "renew_all"]

_ACTOR = "schedule"


def advance(store: Store, settings: Settings, now: datetime) -> dict[str, str]:
    """Do what is due with every candidate; why it could not be, by model. Needs the keys."""
    problems = {}
    for model in store.models():
        try:
            _advance(store, settings, model, now)
        except (NotFoundError, StaleChallengerError):  # another has just done something with it
            continue
        except StoreError as error:
            problems[model] = str(error)
    return problems


def renew_all(store: Store, settings: Settings) -> Renewed | None:
    """``Store.renew``, once what is due with candidates was done."""
    problems = advance(store, settings, datetime.now(UTC)) if store.keys.uris() else {}
    renewed = store.renew()
    return renewed and replace(renewed, problems={**problems, **renewed.problems})


def first_ring(settings: Settings) -> FirstRing | None:
    """Who gets an accepted version first; None where that is everybody."""
    rollout = settings.rollout
    if rollout.first == ALL:
        return None
    return FirstRing(rollout.first, rollout.patience_days, rollout.runtime)


def next_step(
    store: Store, settings: Settings, model: str, actor: str, reason: str, version: int
) -> HistoryEntry:
    """Widen a candidate to the next share of the settings; the last one promotes it."""
    champion = store.champion(model)
    candidate = champion.candidate if champion else None
    share = settings.rollout.after(candidate.share if candidate else 0)
    if share == ALL:
        return store.rollouts.promote(model, actor, reason, version)
    days = settings.rollout.patience_days
    return store.rollouts.widen(model, share, days, actor, reason, version)


def _advance(store: Store, settings: Settings, model: str, now: datetime) -> None:
    champion = store.champion(model)
    candidate = champion.candidate if champion else None
    if candidate is None or not candidate.share:
        return
    until, rollout = parse_time(candidate.until), settings.rollout
    if until <= now:
        reason = f"nobody widened it from {candidate.percent} by {candidate.until}"
        store.rollouts.halt(model, _ACTOR, reason, candidate.version)
        return
    if champion is None or champion.step_since is None or rollout.by != "schedule":
        return
    if now - parse_time(champion.step_since) >= timedelta(days=rollout.days):
        reason = f"{rollout.days:g} days at {candidate.percent}"
        next_step(store, settings, model, _ACTOR, reason, candidate.version)
