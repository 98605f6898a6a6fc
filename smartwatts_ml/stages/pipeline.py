"""The order of the stages, for the command line and for Airflow. Nothing else knows it.

    ingest → start_run → for each model: train → validate → convert → publish → resign

Each ``*_stage`` function is one Airflow task: plain strings in, a small JSON-able dict
out. ``proceed`` False in it means that the model's branch ends here, as decided and for
the reason in ``summary``; ``publish_stage`` then records that decision (``dry_run`` aside).
Importing this module is light; TensorFlow loads inside the stages that need it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import (
    NotEnoughReadingsError,
    SmartwattsError,
    StaleChallengerError,
    StoreError,
)
from smartwatts_ml.kinds import model_names
from smartwatts_ml.kinds.base import Progress, TrainOptions
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.start import start_run

__all__ = [
    "convert_stage",
    "ingest_stage",
    "landing_batches",
    "new_readings",
    "plan_stage",
    "publish_run",
    "publish_stage",
    "published_metrics",
    "record_failure",
    "resign_stage",
    "retrain",
    "run_report",
    "train_stage",
    "validate_stage",
]

JUDGEMENTS = 3
"""How often a challenger is judged before its run gives up on a champion that keeps changing."""

BATCHES = 200
"""At most so many at once: what is left over makes the batches larger."""


def quiet(text: str, share: float) -> None:
    """A Progress that says nothing."""


def log_progress(text: str, share: float) -> None:
    """A Progress for task logs: a line each."""
    logging.getLogger("smartwatts").info("%3.0f %% %s", share * 100, text)


def _open(root: str | None) -> tuple[Objects, Settings]:
    check_environment()
    current = settings(root=root)
    return open_root(current.root), current


def landing_batches(root: str) -> list[list[str]]:
    """New landing files, in groups that different workers can ingest at once."""
    from smartwatts_ml.readings.ingest.landing import batches

    objects, current = _open(root)
    return batches(objects, current.ingest_batch_mib << 20, BATCHES)


def ingest_stage(root: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """Landing files that are new, or some of them, become a new snapshot of the table."""
    from smartwatts_ml.stages.ingest import ingest

    objects, current = _open(root)
    done = ingest(objects, current, log_progress, keys)
    for file in done.left:
        logging.getLogger("smartwatts").warning("left for the next run: %s", file.left)
    return done.totals()


def plan_stage(
    root: str, run_id: str, models: Sequence[str] | None = None, only_due: bool = False, **how: bool
) -> dict[str, Any]:
    """``start_run`` for a task."""
    objects, current = _open(root)
    return start_run(objects, current, run_id, models, only_due=only_due, **how).to_json()


def new_readings(root: str) -> dict[str, Any]:
    """What the sensor asks: ``rows``, ``threshold``, ``models`` that are due, ``retry_at``."""
    objects, current = _open(root)
    return count_new_readings(objects, current)


def train_stage(
    root: str, run_id: str, model: str, epochs: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Train; too few readings is a decision, not a failure."""
    objects, current = _open(root)
    options = TrainOptions(epochs=epochs, seed=seed)
    return _train(objects, current, run_id, model, options, log_progress)


def _train(
    objects: Objects,
    current: Settings,
    run_id: str,
    model: str,
    options: TrainOptions,
    progress: Progress,
) -> dict[str, Any]:
    from smartwatts_ml.stages.train import train

    def work() -> dict[str, Any]:
        challenger = train(objects, current, run_id, model, options, progress)
        text = f"{model}: trained {challenger.epochs} epochs in {challenger.seconds:.0f} s"
        return {"proceed": True, "summary": text, "uri": challenger.uri}

    return _enough(objects, current, run_id, model, work)


def validate_stage(root: str, run_id: str, model: str) -> dict[str, Any]:
    """Judge the challenger on the holdout."""
    objects, current = _open(root)
    return _validate(objects, current, run_id, model, log_progress)


def _validate(
    objects: Objects, current: Settings, run_id: str, model: str, progress: Progress
) -> dict[str, Any]:
    from smartwatts_ml.stages.validate import validate

    def work() -> dict[str, Any]:
        decision = validate(objects, current, run_id, model, progress)
        return {
            "proceed": decision.accepted,
            "summary": decision.summary,
            "reasons": list(decision.reasons),
        }

    return _enough(objects, current, run_id, model, work)


def convert_stage(root: str, run_id: str, model: str) -> dict[str, Any]:
    """Convert the challenger and judge the file."""
    objects, current = _open(root)
    return _convert(objects, current, run_id, model, log_progress)


def _convert(
    objects: Objects, current: Settings, run_id: str, model: str, progress: Progress
) -> dict[str, Any]:
    from smartwatts_ml.stages.convert import convert

    judged = convert(objects, current, run_id, model, progress)
    return {"proceed": judged.decision.accepted, **judged.to_json()}


def publish_stage(root: str, run_id: str, model: str, actor: str) -> dict[str, Any]:
    """Publish an accepted file, or record that the champion stays."""
    objects, current = _open(root)
    return publish_run(objects, current, run_id, model, actor)


def publish_run(
    objects: Objects,
    current: Settings,
    run_id: str,
    model: str,
    actor: str,
    force: str | None = None,
) -> dict[str, Any]:
    """Publish, and leave in the run what it gave. A challenger that became stale is judged
    again, against the champion that came into force meanwhile. ``force``: why a rejected
    one is published all the same; it is converted first where it was not."""
    from smartwatts_ml.runs.run import ModelRun
    from smartwatts_ml.stages.publish import publish

    run = ModelRun(objects, current, run_id, model)
    if force is not None and not run.read_json("decision.json").get("sha256"):
        _convert(objects, current, run_id, model, log_progress)
    for _ in range(JUDGEMENTS):
        try:
            result = publish(objects, current, run_id, model, actor=actor, force=force).to_json()
        except StaleChallengerError as error:
            log_progress(f"{error}; doing so", 0.0)
            proceed = _validate(objects, current, run_id, model, log_progress)["proceed"]
            if proceed or force is not None:
                _convert(objects, current, run_id, model, log_progress)
            continue
        run.write_json("published.json", result)
        return result
    raise StoreError(f"the champion of {model} changes faster than a challenger can be judged")


def published_metrics(root: str, run_id: str, model: str) -> dict[str, Any]:
    """The metrics of the file that a run published, for those who are told of it."""
    from smartwatts_ml.runs.run import model_report

    report = model_report(_open(root)[0], run_id, model)
    return (report["metrics"].get("challenger") or {}) if report else {}


def resign_stage(root: str) -> dict[str, str]:
    """Sign every pointer again, as the end of a run; when each expires."""
    from smartwatts_ml.stages.publish import resign_pointers

    return resign_pointers(*_open(root))


def record_failure(root: str, run_id: str, model: str, reason: str) -> dict[str, Any]:
    """Remember that the model's branch failed, so that the next attempt backs off."""
    from smartwatts_ml.runs import state

    objects, _ = _open(root)
    return state.record_failure(objects, model, run_id=run_id, reason=reason).to_json()


def _enough(
    objects: Objects,
    current: Settings,
    run_id: str,
    model: str,
    work: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Turn "not enough readings" into a decision that keeps the champion."""
    from smartwatts_ml.gate import not_judged
    from smartwatts_ml.runs.run import ModelRun
    from smartwatts_ml.store import open_store

    try:
        return work()
    except NotEnoughReadingsError as error:
        champion = open_store(objects, current).champion(model)
        decision = not_judged(model, str(error), champion.version if champion else None)
        run = ModelRun(objects, current, run_id, model)
        run.write_json("decision.json", decision)
        return {"proceed": False, "summary": decision.summary, "reasons": [str(error)]}


def retrain(
    objects: Objects,
    current: Settings,
    run_id: str,
    model: str,
    options: TrainOptions,
    *,
    actor: str,
    dry_run: bool,
    progress: Progress,
) -> str | None:
    """Every stage for one model; why it failed, or None. A failure is recorded, so that
    the caller can go on with the other models and raise at the end."""
    from smartwatts_ml.runs import state

    try:
        result = _train(objects, current, run_id, model, options, progress)
        if result["proceed"]:
            result = _validate(objects, current, run_id, model, progress)
        if result["proceed"]:
            result = _convert(objects, current, run_id, model, progress)
        if not dry_run:
            publish_run(objects, current, run_id, model, actor)
        progress(result["summary"], 1.0)
    except Exception as error:  # shown, recorded, and raised by the caller
        if not isinstance(error, SmartwattsError):
            logging.getLogger("smartwatts").exception("%s failed", model)
        reason = str(error) or type(error).__name__
        progress(f"failed: {reason}", 1.0)
        if not dry_run:
            state.record_failure(objects, model, run_id=run_id, reason=reason)
        return reason
    return None


def run_report(root: str, run_id: str) -> dict[str, Any]:
    """What a run decided, for each model: outcome, reasons, metrics, version and file; and
    where its page on the quality of its readings is."""
    from smartwatts_ml.reports.data_quality import quality_key
    from smartwatts_ml.runs.run import model_report

    objects, _ = _open(root)
    rows = [model_report(objects, run_id, model) for model in model_names()]
    key = quality_key(run_id)
    return {
        "run_id": run_id,
        "root": objects.url,
        "data_quality": objects.uri(key) if objects.exists(key) else None,
        "models": [row for row in rows if row],
    }
