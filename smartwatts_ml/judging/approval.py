"""What a person is asked about an accepted model, what was answered, and whether that counts.

The stage ``approve`` leaves the answer beside what it is about: the judged file, its refit, the
run. Whoever publishes believes it by its digest alone, and nothing where it is about other files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from pydantic import StrictBool

from smartwatts_ml.errors import NotFoundError, UnapprovedError
from smartwatts_ml.gate import CHALLENGER, CHAMPION, absent_parts
from smartwatts_ml.judging.record import StoredDecision
from smartwatts_ml.judging.refitted import REFIT
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.printable import printable
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.store import open_store

__all__ = [
    "APPROVAL",
    "Answer",
    "Approval",
    "Request",
    "GateVerdict",
    "approval_of",
    "how_to_answer",
    "judged_answer",
    "request_of",
]

APPROVAL = "approval.json"
_SYSTEMS = (CHALLENGER, CHAMPION, "baseline")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Answer:
    """What was answered about the judged file ``sha256``, and when, as people read it. ``by``: name
    and ``user``: id of who did; None where nobody answered in time."""

    approved: StrictBool
    sha256: str
    time: str
    by: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Approval:
    """An answer that counts for these files of this run: the judged one, and what became of its
    refit (digest of refit.json, None without one). ``summary``: for people; ``by``, ``user``: as
    in the answer."""

    run_id: str
    model: str
    sha256: str
    refit: str | None
    approved: StrictBool
    summary: str
    time: str
    by: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Request:
    """What a person has to know to answer. ``version``: what it would be; ``metric``: the deciding
    one as people write it, by system; ``left_out``: parts that the file lacks, with why;
    ``worst``: the part of the holdout that loses most against the champion, as a sentence."""

    model: str
    sha256: str
    version: int
    champion_version: int | None
    summary: str
    label: str
    metric: dict[str, str]
    reasons: tuple[str, ...]
    refit: str
    left_out: dict[str, str] = field(default_factory=dict)
    worst: str = ""


@dataclass(frozen=True)
class GateVerdict:
    """The part of decision.json that an answer is weighed against."""

    accepted: StrictBool
    summary: str
    sha256: str | None = None
    champion_version: int | None = None


@dataclass(frozen=True)
class _Refit:
    """The part of refit.json that is shown."""

    summary: str


def request_of(run: ModelRun, decision: StoredDecision) -> Request:
    """The facts of the run's decision, as a person is shown them."""
    kind = run.kind
    deciding = next(c for c in kind.criteria if c.role == "improve")
    meaning = meaning_of(kind, deciding.metric)
    measured = {system: decision.metrics.get(system) or {} for system in _SYSTEMS}
    numbers = [
        stored.version for stored in open_store(run.objects, run.settings).versions(run.model)
    ]
    return Request(
        model=run.model,
        sha256=decision.sha256 or "",
        version=max(numbers, default=0) + 1,
        champion_version=decision.champion_version,
        summary=decision.summary,
        label=meaning.label,
        metric={system: meaning.text(m.get(deciding.metric)) for system, m in measured.items()},
        reasons=tuple(decision.reasons),
        refit=_refit_summary(run),
        left_out=absent_parts(decision.parts),
        worst=_worst(decision),
    )


def _refit_summary(run: ModelRun) -> str:
    try:
        return run.read_json(REFIT, _Refit).summary
    except NotFoundError:
        return ""


def _worst(decision: StoredDecision) -> str:
    """Of those slices that there was enough of to judge."""
    losses = [s for s in decision.slice_results if s.judged and isfinite(s.loss)]
    if not losses or decision.record is None:
        return ""
    worst = max(losses, key=lambda result: result.loss)
    name = decision.record.facts.call(worst.name)
    how = "worse" if worst.loss > 0 else "better"
    return f"{name}: {abs(worst.loss):.1%} {how} than the {worst.opponent}"


def judged_answer(run: ModelRun, verdict: GateVerdict, answer: Answer) -> Approval:
    """What an answer comes to, now that the verdict stands: nothing but a person, one of those
    who may, approves, and no other file than was shown."""
    approved, why = _verdict(run, verdict, answer)
    gate = f"; the gate had said: {verdict.summary}"
    return Approval(
        run_id=run.run_id,
        model=run.model,
        sha256=verdict.sha256 or "",
        refit=_refit_digest(run),
        approved=approved,
        summary=f"{run.model} {why}" if approved else f"{run.model} kept: {why}{gate}",
        time=answer.time,
        by=_name(answer),
        user=answer.user,
    )


def _verdict(run: ModelRun, verdict: GateVerdict, answer: Answer) -> tuple[bool, str]:
    name, when = _name(answer), answer.time
    if name is None:
        return False, f"nobody approved it until {when}"
    if not answer.approved:
        return False, f"rejected by {name}, {when}"
    if not _may_approve(run, answer.user):
        return False, f"{name} may not approve it (SMARTWATTS_APPROVAL_USERS)"
    if not verdict.sha256 or answer.sha256 != verdict.sha256:
        return False, f"{name} approved another file than was judged since"
    return True, f"approved by {name}, {when}"


def _may_approve(run: ModelRun, user: str | None) -> bool:
    allowed = run.settings.approval_users
    return not allowed or user in allowed


def _name(answer: Answer) -> str | None:
    """As it may be signed and shown: who logs in chose it."""
    name = printable(answer.by or "").replace("\n", " ").strip()
    return name[:_LONGEST_NAME] or None


def _refit_digest(run: ModelRun) -> str | None:
    return (run.left or {}).get(REFIT)


def how_to_answer(run: ModelRun) -> str:
    """What to do where a person has to answer."""
    by_command = f"`smartwatts approve {run.model} --run {run.run_id}`"
    return (
        f"in Airflow the task `approve` asks, and asks again when it is cleared; else {by_command}"
    )


def approval_of(run: ModelRun, judged_sha256: str | None) -> Approval | None:
    """What was answered about the run's files; None where nobody is asked. Raises
    UnapprovedError where a person has to be, and nothing says that one answered for these."""
    try:
        approval = run.read_json(APPROVAL, Approval)
    except NotFoundError as error:
        if not run.settings.wants_approval(run.model):
            return None
        what = f"nobody approved {run.model} in run {run.run_id} (SMARTWATTS_APPROVAL)"
        raise UnapprovedError(what, fix=how_to_answer(run)) from error
    about = (approval.run_id, approval.model, approval.sha256, approval.refit)
    if about != (run.run_id, run.model, judged_sha256, _refit_digest(run)):
        what = (
            f"what was answered in run {approval.run_id} is about other files of {approval.model}"
        )
        raise UnapprovedError(what, fix=how_to_answer(run))
    if approval.approved and not _may_approve(run, approval.user):
        what = f"{approval.by} may not approve {run.model} (SMARTWATTS_APPROVAL_USERS here)"
        raise UnapprovedError(what, fix=how_to_answer(run))
    return approval
