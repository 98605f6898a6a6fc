"""One model's way through the stages of a run, and what ends it before the last one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from smartwatts_ml.errors import (
    DeniedError,
    NotEnoughReadingsError,
    SmartwattsError,
    StaleChallengerError,
    StoreError,
)
from smartwatts_ml.gate import not_judged
from smartwatts_ml.judging.record import read_decision, record_of
from smartwatts_ml.progress import Progress
from smartwatts_ml.runs.at_work import noting
from smartwatts_ml.runs.model_report import keep_failure
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.state import record_failure
from smartwatts_ml.stages.order import Stage, model_stages, share_before, until_judged
from smartwatts_ml.store import open_store

__all__ = ["StageResult", "force_publish", "log_progress", "retrain", "run_stage"]

_JUDGEMENTS = 3
"""How often a challenger is judged before its run gives up on a champion that keeps changing."""


class StageResult(Protocol):
    """What a stage gives: a dataclass that JSON can hold. Where ``proceed`` is false the
    model's branch ends with it, as decided and for the reason in ``summary``."""

    @property
    def proceed(self) -> bool: ...
    @property
    def summary(self) -> str: ...


def log_progress(text: str, share: float) -> None:
    """A Progress for logs: a line each."""
    logging.getLogger("smartwatts").info("%3.0f %% %s", share * 100, text)


def run_stage(
    stage: Stage, run: ModelRun, progress: Progress, *, judge: bool = True, **options: Any
) -> StageResult:
    """Do one stage of one model.

    Too few readings are a decision to keep the champion, not a failure, until there is a
    judgement: no later stage may replace that. A challenger whose champion changed meanwhile
    is judged again, against the one that came into force; not ``judge``: that is raised, as
    StaleChallengerError, since a machine that holds keys opens no model and no readings.
    """
    part = (share_before(stage), stage.share)
    noted = noting(progress, run.objects, run.model, run.run_id, stage.name, part)
    for _ in range(_JUDGEMENTS):
        try:
            noted(stage.doing, 0.0)
            result: StageResult = stage.call(run, noted, **options)
        except NotEnoughReadingsError as error:
            if stage not in until_judged():
                raise
            return _keep_champion(run, str(error))
        except StaleChallengerError as error:
            if not judge:
                raise
            progress(f"{error}; doing so", 0.0)
            _judge_again(run, progress, to_the_end=options.get("force") is not None)
        else:
            return result
    raise StoreError(f"the champion of {run.model} changes faster than a challenger can be judged")


def _keep_champion(run: ModelRun, reason: str) -> StageResult:
    champion = open_store(run.objects, run.settings).champion(run.model)
    decision = not_judged(run.model, reason, champion.version if champion else None)
    run.write_json("decision.json", decision)
    return decision


def _judge_again(run: ModelRun, progress: Progress, *, to_the_end: bool) -> None:
    """``to_the_end``: whatever the first judgement is."""
    for stage in model_stages():
        if stage.judges and not run_stage(stage, run, progress).proceed and not to_the_end:
            return


def force_publish(
    publish: Stage, run: ModelRun, progress: Progress, *, actor: str, reason: str
) -> StageResult:
    """Publish a rejected challenger for a reason; it is converted first where it was not. Raises
    DeniedError where this machine may sign and not judge: it opens no model then."""
    decision = read_decision(run)
    record_of(run, decision)
    if not decision.sha256:
        _check_may_judge(run)
        last_judge = [stage for stage in model_stages() if stage.judges][-1]
        run_stage(last_judge, run, progress)
    return run_stage(publish, run, progress, actor=actor, force=reason)


def _check_may_judge(run: ModelRun) -> None:
    try:
        _ = run.readings
    except StoreError as error:
        raise DeniedError(
            f"{run.model} was rejected before it was a .tflite file, and this machine may not make"
            f" it one: {error}",
            fix="`smartwatts retrain` where readings can be read, or another gate for the next run",
        ) from error


def retrain(
    run: ModelRun, progress: Progress, options: Mapping[str, Any], *, dry_run: bool = False
) -> str | None:
    """Every stage for one model, ``options`` to those that ask for them; why it failed, or
    None. A failure is recorded, so that
    the caller can go on with the other models and raise at the end."""
    try:
        summary = _all_stages(run, progress, options, dry_run=dry_run)
    except Exception as error:  # shown, recorded, and raised by the caller
        if not isinstance(error, SmartwattsError):
            logging.getLogger("smartwatts").exception("%s failed", run.model)
        reason = str(error) or type(error).__name__
        progress(f"failed: {reason}", 1.0)
        keep_failure(run.objects, run.run_id, run.model, reason)
        if not dry_run:
            record_failure(run.objects, run.model, run_id=run.run_id, reason=reason)
        return reason
    progress(summary, 1.0)
    return None


def _all_stages(
    run: ModelRun, progress: Progress, options: Mapping[str, Any], *, dry_run: bool
) -> str:
    """The summary of the stage that decided."""
    proceed, summary, done = True, "", 0.0
    for stage in model_stages():
        if (proceed or stage.always) and (stage.in_dry_run or not dry_run):
            part = _part(progress, stage, done)
            result = _attempt(stage, run, part, stage.own(options))
            if result is not None:
                proceed, summary = proceed and result.proceed, result.summary
        done += stage.share
    return summary


def _attempt(
    stage: Stage, run: ModelRun, progress: Progress, options: Mapping[str, Any]
) -> StageResult | None:
    """What a stage gave; None where it failed and the model goes on all the same."""
    try:
        return run_stage(stage, run, progress, **options)
    except Exception as error:
        if not stage.may_fail:
            raise
        logging.getLogger("smartwatts").exception(
            "%s of %s failed; it goes on without", stage.name, run.model
        )
        progress(f"{stage.name} failed, going on without: {error}", 1.0)
        return None


def _part(progress: Progress, stage: Stage, begin: float) -> Progress:
    """The whole branch's progress, told by one of its stages."""

    def report(text: str, share: float) -> None:
        progress(text, begin + stage.share * share)

    return report
