"""Validate: challenger, champion and baselines on one holdout become a decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Decision, judge
from smartwatts_ml.kinds.base import Progress
from smartwatts_ml.networks import LiteRTNetwork, load_keras
from smartwatts_ml.objects import Objects
from smartwatts_ml.reports.run_report import write_report
from smartwatts_ml.runs import ModelRun
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Store

__all__ = ["validate"]


def validate(
    objects: Objects, settings: Settings, run_id: str, model: str, progress: Progress, seed: int = 0
) -> Decision:
    """Judge the run's challenger. An unreadable champion raises: it stays in force."""
    run = ModelRun(objects, settings, run_id, model)
    kind = run.kind
    with run.local("challenger.keras") as path:
        challenger = load_keras(path)
    progress("fitting the baselines", 0.1)
    predictors: dict[str, Any] = {CHALLENGER: kind.predictor(challenger)}
    champion = Store(objects, Path(settings.keys)).champion(model)
    if champion is not None:
        predictors[CHAMPION] = kind.predictor(LiteRTNetwork(champion.read_file(), champion.file))
    predictors |= kind.baselines(run.spec, challenger.details, run.training)
    progress(f"scoring {', '.join(predictors)}", 0.3)
    scores = kind.evaluate(run.spec, predictors, run.holdout, seed)
    run.write_scores(scores)
    decision = judge(
        kind,
        model,
        scores,
        settings,
        holdout_digest=run.split.digest,
        champion_version=None if champion is None else champion.version,
        seed=seed,
    )
    run.write_json("evaluation.json", {"metrics": decision.metrics, "slices": decision.slices})
    run.write_json("decision.json", decision.to_json())
    write_report(run)
    progress(decision.summary, 1.0)
    return decision
