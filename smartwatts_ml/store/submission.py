"""A file that wants to be in force, and what is asked of it before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tuf.api.metadata import Targets

from smartwatts_ml.errors import (
    CandidateOutError,
    StaleChallengerError,
    TrustError,
    UsageError,
)
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES
from smartwatts_ml.store.documents import Action, check_text
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.statements import open_bundle
from smartwatts_ml.store.versions import check_identifier

__all__ = [
    "ANY_CHAMPION",
    "Submission",
    "FirstRing",
    "check_submission",
    "check_length",
    "check_no_candidate",
    "check_not_stale",
    "same_statement",
    "stale_challenger",
]

ANY_CHAMPION: Final = -1
"""For ``judged_against``: publish whatever is in force."""


@dataclass(frozen=True)
class FirstRing:
    """Who gets a version first: a ``share`` of ALL gateways, ``for_days`` at most unless somebody
    widens it, with at least a ``runtime`` (empty: any)."""

    share: int
    for_days: float
    runtime: str = ""


@dataclass(frozen=True)
class Submission:
    """A file that wants to be in force. ``fields`` are those of Manifest that the store does
    not know itself; ``evidence``: what ``provenance`` says beside them; ``attestations``: what else
    is said of the file, by type of predicate;
    ``judged_against``: a version, None for no champion, or ANY_CHAMPION; ``ring``: who gets it
    first, None for everybody."""

    model: str
    data: bytes
    fields: Mapping[str, Any]
    evidence: Mapping[str, Any]
    run_id: str
    actor: str
    reason: str
    action: Action
    judged_against: int | None
    attestations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ring: FirstRing | None = None


def check_submission(submission: Submission) -> None:
    """Raise where readers would refuse what would be published."""
    check_identifier(submission.data, f"the file of {submission.model}")
    if len(submission.data) > MAX_FILE_BYTES:
        raise TrustError(f"the file of {submission.model} has {len(submission.data):,} bytes")
    for what, text in (
        ("the name", submission.actor),
        ("the reason", submission.reason),
        ("the run", submission.run_id),
    ):
        check_text(text, what)


def check_length(document: bytes, what: str) -> None:
    """Raise UsageError where a document has more than half of what readers take: it grows
    where it is wrapped."""
    if len(document) > MAX_DOCUMENT_BYTES // 2:
        raise UsageError(f"{what} would have {len(document):,} bytes, more than readers take")


def check_not_stale(submission: Submission, head: Commit | None) -> None:
    """Raise StaleChallengerError where it was judged against another champion."""
    in_force = head.entry.version if head else None
    if submission.judged_against not in (ANY_CHAMPION, in_force):
        raise stale_challenger(submission.model, submission.judged_against, in_force)


def stale_challenger(
    model: str, judged_against: int | None, in_force: int | None
) -> StaleChallengerError:
    """What is raised of a challenger that was judged against a version that is not in force."""
    judged = "no champion" if judged_against is None else f"v{judged_against}"
    now = "none" if in_force is None else f"v{in_force}"
    return StaleChallengerError(
        f"{model} was judged against {judged}, {now} is in force", fix="run validate again"
    )


def check_no_candidate(submission: Submission, head: Commit | None, now: datetime) -> None:
    """Raise CandidateOutError while another version is out for some gateways: what is learned of
    it would be lost. A person who forces one takes it back."""
    out = head.entry.candidate if head else None
    if out and out.is_out(now) and submission.action != "force":
        raise CandidateOutError(
            f"{submission.model} v{out.version} is a candidate for {out.percent} of gateways until"
            f" {out.until}",
            fix=f"`smartwatts models rollout promote {submission.model}`, or halt",
        )


def same_statement(delegator: Targets, model: str, stored: bytes, ours: bytes) -> bool:
    """Whether two bundles hold the same statements, all signed by the model's keys."""
    role = delegator.get_delegated_role(model)
    keys = [delegator.get_key(keyid) for keyid in role.keyids]
    try:
        first, second = (
            open_bundle(bundle, keys, role.threshold, "the statement") for bundle in (stored, ours)
        )
    except TrustError:
        return False
    return first == second
