"""Validate: challenger, champion and baselines on one holdout become a decision."""

from __future__ import annotations

from dataclasses import replace

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Decision, judge
from smartwatts_ml.judging.anchors import anchors_in_force
from smartwatts_ml.judging.discretion import called
from smartwatts_ml.judging.opponents import champion_in_force, prepare
from smartwatts_ml.judging.parts import judge_parts
from smartwatts_ml.judging.record import Artefact, judgement_of, rules_of, write_decision
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.reports.questions import write_questions
from smartwatts_ml.reports.run_report import write_charts, write_report
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import site_names

__all__ = ["validate"]

_CHALLENGER_FILE = "challenger.keras"


def validate(run: ModelRun, progress: Progress, *, seed: int = 0) -> Decision:
    """Judge the run's challenger. A champion that cannot be used keeps it out, and is told."""
    start_tensorflow()
    challenger = load_network(run.read(_CHALLENGER_FILE), _CHALLENGER_FILE)
    progress("meeting champion and baselines", 0.1)
    bout = prepare(run, challenger, champion_in_force(run), anchors_in_force(run))
    progress(f"scoring {', '.join(bout.predictors)}", 0.3)
    scores, rules = bout.score(run, seed), rules_of(run.settings, seed)
    champion = bout.said.get(CHAMPION)
    parts = judge_parts(run.kind, bout.details, scores, bout.baselines, champion, rules)
    shipped = bout.with_parts(run, challenger, parts)
    if shipped.details != bout.details:
        progress("scoring it without what it has not learned", 0.7)
        scores = shipped.score_again(run, seed, scores)
    names = site_names(run.objects, run.settings)
    facts = replace(shipped.facts, called=called(set(scores[CHALLENGER].sites.tolist()), names))
    judgement = judgement_of(run.kind, run.model, scores, rules, facts)
    decision = judge(judgement)
    judged = Artefact(_CHALLENGER_FILE, sha256_of(run.read(_CHALLENGER_FILE)))
    write_decision(run, judgement, decision, judged, bout.champion_sha256)
    progress("drawing the report", 0.9)
    write_charts(run, bout, seed, names)
    write_questions(run, bout, names)
    write_report(run)
    progress(decision.summary, 1.0)
    return decision
