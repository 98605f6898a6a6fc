"""The stages as a scheduler's tasks: plain strings in, a small JSON-able dict out.

``proceed`` false in what a model's stage gives means that its branch ends here, as decided
and for the reason in ``summary``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import StaleChallengerError, StoreError
from smartwatts_ml.fleet.beacons import take_beacons
from smartwatts_ml.jsontext import parsed, plain
from smartwatts_ml.kinds import model_names
from smartwatts_ml.modelfiles.tensorflow import settle_environment
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.ingest.ingest_report import outdated_lines
from smartwatts_ml.readings.ingest.landing import batches, outdated_files
from smartwatts_ml.readings.site_clocks import change_lines
from smartwatts_ml.reports.data_quality import quality_key
from smartwatts_ml.runs import state
from smartwatts_ml.runs.doubtful import doubtful_lines
from smartwatts_ml.runs.model_report import keep_failure as failed_on
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.runs.notified import note_change as note_of_change
from smartwatts_ml.runs.notified import note_troubles as told_troubles
from smartwatts_ml.runs.notified import read_notified
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs, write_outputs
from smartwatts_ml.runs.trouble_report import keep_troubles
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages import troubles
from smartwatts_ml.stages.approve import ask
from smartwatts_ml.stages.branch import StageResult, log_progress, run_stage
from smartwatts_ml.stages.order import Stage, stage_named
from smartwatts_ml.stages.watch import Watched, act, ask_for_retraining, watch
from smartwatts_ml.store import HistoryEntry, Store, open_store
from smartwatts_ml.store.documents import ROLLOUT
from smartwatts_ml.store.layout import file_key

__all__ = [
    "ask_for_approval",
    "handed_over",
    "change_of_champion",
    "find_troubles",
    "ingest_stage",
    "keep_failure",
    "landing_batches",
    "model_stage",
    "new_readings",
    "note_change",
    "note_troubles",
    "once_stage",
    "plan_stage",
    "record_failure",
    "roll_back",
    "run_report",
    "take_back",
    "untold_changes",
    "weigh_champions",
]

_LOG = logging.getLogger("smartwatts")
_BATCHES = 200
"""At most so many at once: what is left over makes the batches larger."""


def _open(root: str, *, writable: bool = True) -> tuple[Objects, Settings]:
    check_environment()
    current = settings(root=root)
    return open_root(current.root, writable=writable), current


def landing_batches(root: str) -> list[list[str]]:
    """New landing files, in groups that different workers can ingest at once. Others that are
    outdated are named."""
    objects, current = _open(root)
    for line in outdated_lines(outdated_files(objects, current)):
        _LOG.warning("%s", line)
    return batches(objects, current.ingest_batch_mib << 20, _BATCHES)


def once_stage(root: str, name: str, **options: Any) -> Any:
    """A stage that is done once a run; its own result. In a process of our own."""
    settle_environment()
    return stage_named(name).call(*_open(root), progress=log_progress, **options)


def ingest_stage(
    root: str, keys: Sequence[str] | None = None, run_id: str | None = None
) -> dict[str, Any]:
    """Landing files that are new, or some of them, become a new snapshot of the table. What
    became of each is in the log, and on the page of the run on the quality of its readings."""
    report = once_stage(root, "ingest", only=keys, run_id=run_id)
    for file in report.left:
        _LOG.warning("left: %s", printable(file.left))
    taken = [file for file in report.files if not file.left]
    for line in file_lines(taken, settings(root=root)):
        _LOG.info("%s", line)
    for line in change_lines(report.clocks):
        _LOG.warning("%s", printable(line))
    totals: dict[str, Any] = report.totals()
    return totals


def plan_stage(
    root: str, run_id: str, models: Sequence[str] | None = None, **choice: bool
) -> dict[str, Any]:
    """The snapshot and the models of a run; ``choice`` as ``plan_run`` takes it. ``left`` in it
    is what each model's first stage is handed."""
    planned: dict[str, Any] = plain(
        once_stage(root, "plan", run_id=run_id, models=models, **choice)
    )
    left = begin_outputs(planned["snapshot_sha256"], planned["labels_sha256"])
    return planned | {"left": left}


def model_stage(
    root: str, run_id: str, model: str, name: str, left: Mapping[str, str], **options: Any
) -> dict[str, Any]:
    """A stage of one model, with options of its own. In a process of our own. ``left``: the
    digests that the task before handed over; the stage takes nothing else for its input."""
    settle_environment()
    stage = stage_named(name)
    run = ModelRun(*_open(root), run_id, model, dict(left))
    result = run_stage(stage, run, log_progress, judge=not stage.signs, **options)
    if stage.publishes:  # where the keys are: a person may force what was rejected
        write_outputs(run)
    return handed_over(stage, result, run)


def ask_for_approval(root: str, run_id: str, model: str, left: Mapping[str, str]) -> dict[str, Any]:
    """What a person has to know who is asked whether a model is to be published."""
    shown: dict[str, Any] = plain(ask(ModelRun(*_open(root), run_id, model, dict(left))))
    return shown


def handed_over(stage: Stage, result: StageResult, run: ModelRun) -> dict[str, Any]:
    """The part of a stage's result that a scheduler keeps for the tasks after it."""
    everything = plain(result)
    kept = {name: everything[name] for name in stage.hands_over if name in everything}
    return {"proceed": result.proceed, "summary": result.summary, "left": run.left, **kept}


def new_readings(root: str, before: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the trigger asks: ``rows``, ``threshold``, ``models`` that are due, ``retry_at``;
    ``before``: ``landing`` of what was given at the look before."""
    return count_new_readings(*_open(root, writable=False), before)


def record_failure(root: str, run_id: str, model: str, reason: str) -> dict[str, Any]:
    """Remember that the model's branch failed, so that the next attempt backs off; the
    model's state."""
    keep_failure(root, run_id, model, reason)
    return state.record_failure(_open(root)[0], model, run_id=run_id, reason=reason).to_json()


def keep_failure(root: str, run_id: str, model: str, reason: str) -> None:
    """Say so in the run's folder alone: a dry run puts off nothing."""
    failed_on(_open(root)[0], run_id, model, reason)


def roll_back(root: str, model: str, version: int, actor: str, reason: str) -> dict[str, Any]:
    """Put an older version in force again; that version and its serial, and whether it was not
    ``changed`` since it was in force already."""
    store = open_store(*_open(root))
    history = store.history(model)
    done = store.rollback(model, version, actor, reason)
    changed = done.serial != history[-1].serial
    return {"model": model, "version": done.version, "serial": done.serial, "changed": changed}


def weigh_champions(root: str) -> dict[str, Any]:
    """Beacons that are new, then what came since each champion was published: ``found``, and
    models that ``retrain`` is due for since their champion drifts. In a process of our own."""
    settle_environment()
    objects, current = _open(root)
    for line in take_beacons(objects, current.fleet.beacon_months).lines():
        _LOG.info("%s", printable(line))
    findings = watch(objects, current, datetime.now(UTC))
    for watched in findings:
        _LOG.info("%s v%s: %s, %s", watched.model, watched.version, watched.finding, watched.reason)
    retrain = ask_for_retraining(objects, findings)
    return {"found": [plain(watched) for watched in findings], "retrain": retrain}


def take_back(root: str, findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the version before in force where harm is shown, and take candidates back or widen
    them; each change as ``change_of_champion``
    has it. One that somebody else changed meanwhile is left to him."""
    objects, current = _open(root)
    changes = []
    for said in findings:
        watched = parsed(Watched, said)
        if watched.finding not in ("back", "widen") or watched.done:
            continue
        with suppress(StaleChallengerError):
            act(objects, current, watched)
            serial = open_store(objects, current).history(watched.model)[-1].serial
            changes.append(change_of_champion(root, watched.model, serial))
    return changes


def change_of_champion(root: str, model: str, serial: int) -> dict[str, Any]:
    """What is told of a change of a model's champion, or of its candidate: ``action``,
    ``version``, ``serial``, who and why, of which run, its ``metrics`` as numbers, and the
    address of its ``file``."""
    objects, current = _open(root, writable=False)
    store = open_store(objects, current)
    entry = next(entry for entry in store.history(model) if entry.serial == serial)
    return _told_of(objects, store, entry)


def untold_changes(root: str) -> list[dict[str, Any]]:
    """Each as ``change_of_champion`` has it: those of the command line, mostly. From here on
    every model's are noted."""
    objects, current = _open(root)
    store, memory = open_store(objects, current), read_notified(objects)
    changes = [
        _told_of(objects, store, entry)
        for entry in troubles.untold_changes(objects, current, memory)
    ]
    for model in set(model_names()) - memory.serials.keys():
        with suppress(StoreError):  # a trouble, which is told as such
            champion = store.champion(model)
            note_of_change(objects, model, champion.entry.serial if champion else 0)
    return changes


def note_change(root: str, model: str, serial: int) -> None:
    """A change was told, so that nobody tells it again."""
    note_of_change(_open(root)[0], model, serial)


def _told_of(objects: Objects, store: Store, entry: HistoryEntry) -> dict[str, Any]:
    measured: Mapping[str, Any] = {}
    made = (entry.action in ROLLOUT and entry.of_candidate()) or entry
    with suppress(StoreError):  # pruned, or damaged: it was in force all the same
        measured = store.manifest(entry.model, made.version).metrics.get("challenger") or {}
    return {
        "model": entry.model,
        "action": entry.action,
        "version": made.version,
        "serial": entry.serial,
        "reason": entry.reason,
        "actor": entry.actor,
        "run_id": made.run_id,
        "file": objects.uri(file_key(entry.model, made.version)),
        "metrics": {name: float(v) for name, v in measured.items() if isinstance(v, (str, int))},
    }


def find_troubles(root: str) -> list[dict[str, Any]]:
    """What somebody has to see to: ``about``, ``severity``, ``what`` and ``fix`` of each, and
    whether it is ``due`` to be told, which nobody was lately. The Models page shows what is
    found."""
    objects, current = _open(root)
    memory = read_notified(objects)
    everything = troubles.find_troubles(objects, current)
    keep_troubles(objects, everything)
    return [plain(trouble) | {"due": memory.is_due(trouble)} for trouble in everything]


def note_troubles(root: str, abouts: Sequence[str], present: Sequence[str]) -> None:
    """Troubles about these were told; others than those that are ``present`` are over."""
    told_troubles(_open(root)[0], abouts, present)


def run_report(root: str, run_id: str) -> dict[str, Any]:
    """What a run decided, for each model: outcome, reasons, metrics, version and file; where
    its page on the quality of its readings is, and what is ``doubtful`` about them."""
    objects, _ = _open(root)
    rows = [model_report(objects, run_id, model) for model in model_names()]
    key = quality_key(run_id)
    return {
        "run_id": run_id,
        "root": objects.url,
        "data_quality": objects.uri(key) if objects.exists(key) else None,
        "doubtful": doubtful_lines(objects, run_id),
        "models": [row for row in rows if row],
    }
