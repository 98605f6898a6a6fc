"""Approve: a person says whether an accepted model is to be published, where that is asked for.

The scheduler asks and waits; what was answered is weighed here, where models may be judged: a
champion that changed while a person thought has the challenger judged again first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from smartwatts_ml.errors import SmartwattsError, UnapprovedError
from smartwatts_ml.jsontext import json_text, parsed
from smartwatts_ml.judging.approval import (
    APPROVAL,
    Answer,
    GateVerdict,
    Request,
    how_to_answer,
    judged_answer,
    request_of,
)
from smartwatts_ml.judging.record import DECISION, read_decision
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.claims import hold_claim
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.unsigned import read_unsigned
from smartwatts_ml.store import open_store
from smartwatts_ml.store.submission import stale_challenger

__all__ = ["Approved", "approve", "ask"]

_ASKED = "asked.json"


@dataclass(frozen=True)
class Approved:
    """Whether the model goes on to be published, and why; ``by`` whom that was said."""

    proceed: bool
    summary: str
    by: str | None = None


def ask(run: ModelRun) -> Request:
    """What a person is shown. The run's claim holds for as long as an answer is waited for."""
    decision = read_decision(run)
    if not decision.accepted:
        raise SmartwattsError(f"nothing of {run.model} is to be approved: {decision.summary}")
    request = request_of(run, decision)
    _note_asked(run, request)
    hours = timedelta(hours=run.settings.approval_hours)
    hold_claim(run.objects, run.model, run.run_id, answer_by=datetime.now(UTC) + hours)
    return request


def _note_asked(run: ModelRun, request: Request) -> None:
    """Raise SmartwattsError where this run has asked something else before: Airflow goes on
    showing the facts with which a task asked first, however often it is cleared."""
    facts = json_text(request).encode()
    before = read_unsigned(run.objects, run.key(_ASKED))
    if before is None:
        run.objects.write(run.key(_ASKED), facts)
    elif sha256_of(before.data) != sha256_of(facts):
        raise SmartwattsError(
            f"run {run.run_id} has asked about another state of {run.model}, which Airflow would"
            " go on to show",
            fix=f"start a new run of {run.model} by hand",
        )


def approve(
    run: ModelRun, progress: Progress, *, answer: Mapping[str, Any] | None = None
) -> Approved:
    """Leave what was answered, for publish. Where nobody has to approve the model it goes on
    without a word. Raises StaleChallengerError where another champion came into force after it
    was judged, and UnapprovedError where nobody was asked who has to be."""
    verdict = run.read_json(DECISION, GateVerdict)
    if not verdict.accepted or not (answer or run.settings.wants_approval(run.model)):
        return Approved(verdict.accepted, verdict.summary)
    if answer is None:
        what = f"{run.model} was accepted, and a person has to approve it (SMARTWATTS_APPROVAL)"
        raise UnapprovedError(what, fix=how_to_answer(run))
    said = parsed(Answer, answer)
    if said.approved:
        _check_in_force(run, verdict)
    approval = judged_answer(run, verdict, said)
    hold_claim(run.objects, run.model, run.run_id)
    run.write_json(APPROVAL, approval)
    progress(approval.summary, 1.0)
    return Approved(approval.approved, approval.summary, approval.by)


def _check_in_force(run: ModelRun, verdict: GateVerdict) -> None:
    champion = open_store(run.objects, run.settings).champion(run.model)
    in_force = champion.version if champion else None
    if verdict.champion_version != in_force:
        raise stale_challenger(run.model, verdict.champion_version, in_force)
