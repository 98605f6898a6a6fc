"""Publish: the accepted file becomes the next version, or the champion stays for a reason.

Fails closed: what is published is the very file that was judged, against the champion
that is in force, or the one refitted from it that was shown to behave as it does; approved by a
person, of models that settings name. Run again
after a crash, it completes what the first attempt left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from pydantic import StrictBool

from smartwatts_ml.errors import (
    CandidateOutError,
    NotFoundError,
    SmartwattsError,
    TrustError,
)
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.approval import Approval, approval_of
from smartwatts_ml.judging.judged_file import (
    FileVerdict,
    discretion,
    evidence,
    manifest_fields,
)
from smartwatts_ml.judging.record import DECISION
from smartwatts_ml.judging.refitted import (
    JUDGED_SHA256,
    REFIT,
    REFIT_FILE,
    keep_judged_file,
    read_judged_file,
)
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.reports.bom import BOM_PREDICATE, bill_of_materials
from smartwatts_ml.reports.card import model_card
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.runs.state import record_decision
from smartwatts_ml.store import Champion, Manifest, Published, Store, open_store
from smartwatts_ml.store.advancing import first_ring
from smartwatts_ml.store.canonical import without_floats
from smartwatts_ml.store.forced import FORCE
from smartwatts_ml.store.layout import file_key

__all__ = ["PublishResult", "publish"]

_PUBLISHED: Literal["published"] = "published"
_KEPT: Literal["kept"] = "kept"
_PROMOTE: Final = "promote"
_OTHER = "another file than this one was trained again"
_NEVER = "nobody trained it again"


@dataclass(frozen=True)
class _Verdict:
    """What the decision says of every challenger; ``sha256`` of its file, if that was judged."""

    accepted: StrictBool
    summary: str
    sha256: str | None = None


@dataclass(frozen=True)
class _Refit:
    """What refit.json says; ``judged_sha256``: of the file that it is compared with."""

    accepted: StrictBool
    summary: str
    reasons: list[str]
    judged_sha256: str
    sha256: str | None = None
    quantization: str | None = None
    runtime: Needs | None = None


@dataclass(frozen=True)
class PublishResult:
    """What is in force now, or the ``candidate`` that was published. ``file``: its address, None
    (with version and serial) where a model has no version yet. ``new_key``: the folder of keys
    that had to be made."""

    model: str
    outcome: Literal["published", "kept"]
    summary: str
    version: int | None
    serial: int | None
    file: str | None
    new_key: str | None = None
    candidate: bool = False

    @property
    def proceed(self) -> bool:
        return self.outcome == _PUBLISHED


def publish(
    run: ModelRun, progress: Progress, *, actor: str, force: str | None = None
) -> PublishResult:
    """Put the run's accepted file in force, or renew the timestamp; then
    record the decision in the model's state. Raises StaleChallengerError where another
    champion came into force after the file was judged.

    ``force``: why a rejected file is to be in force all the same; signed into the history
    with the actor's name and what the gate had said."""
    verdict = run.read_json(DECISION, _Verdict)
    store = open_store(run.objects, run.settings)
    if verdict.accepted:
        result = _publish_accepted(store, run, verdict, actor)
    elif force is not None:
        result = _publish_file(store, run, verdict, actor, force)
    else:
        result = _keep_champion(store, run, verdict)
    record_decision(
        run.objects,
        run.model,
        run.snapshot,
        run_id=run.run_id,
        outcome=result.outcome,
        reason=result.summary,
    )
    run.write_json("published.json", result)
    note = f"; new keys in {result.new_key}, keep a copy" if result.new_key else ""
    progress(f"{result.outcome}: {result.summary}{note}", 1.0)
    return result


def _publish_accepted(store: Store, run: ModelRun, verdict: _Verdict, actor: str) -> PublishResult:
    """Unless a person, who has to approve it, rejected it."""
    approval = approval_of(run, verdict.sha256)
    if approval and not approval.approved:
        return _keep_champion(store, run, replace(verdict, summary=approval.summary))
    try:
        return _publish_file(store, run, verdict, actor, approval=approval)
    except CandidateOutError as error:
        waits = replace(verdict, summary=f"{verdict.summary}; but not published: {error}")
        return _keep_champion(store, run, waits)


def _publish_file(
    store: Store,
    run: ModelRun,
    verdict: _Verdict,
    actor: str,
    force: str | None = None,
    approval: Approval | None = None,
) -> PublishResult:
    reason = verdict.summary
    action: Literal["promote", "force"] = _PROMOTE
    if force is not None:
        reason, action = f"{force} (the gate said: {reason})", FORCE
    if not verdict.sha256:
        raise SmartwattsError(f"the file of {run.model} was not judged", fix="run convert first")
    if run.left is None:
        raise TrustError(f"nothing says what the stages of run {run.run_id} left")
    judged = run.read_json(DECISION, FileVerdict)
    content = read_judged_file(run, judged.sha256)
    discreet = discretion(judged, site_names(run.objects, run.settings))
    fields = manifest_fields(run.snapshot, judged, discreet)
    refit = _refit_of(run, judged) if force is None else None
    if refit:
        reason = f"{reason}; {refit.summary}"
        fields["decision"]["refit"] = {
            "summary": discreet.text(refit.summary),
            "reasons": [discreet.text(said) for said in refit.reasons],
        }
    if approval:
        reason = f"{reason}; {approval.summary}"
        fields["decision"]["approval"] = {"by": approval.by, "time": approval.time}
    as_judged = not (refit and refit.accepted)
    keep_judged_file(run, content, ships=as_judged)
    if refit and not as_judged:
        content = _refitted_file(run, refit)
        fields["decision"][JUDGED_SHA256] = judged.sha256
        fields["quantization"] = refit.quantization
        fields["runtime"] = plain(refit.runtime)
    published = store.publish(
        run.model,
        content,
        fields,
        run_id=run.run_id,
        actor=actor,
        reason=discreet.text(reason),
        action=action,
        judged_against=judged.champion_version,
        evidence=evidence(run, judged),
        attestations={BOM_PREDICATE: _bill_of_materials(run, judged, fields, content)},
        ring=first_ring(run.settings) if force is None else None,
    )
    summary = reason if force is None else f"{run.model} forced by {actor}: {reason}"
    return _result_of(run, published, summary)


def _result_of(run: ModelRun, published: Published, summary: str) -> PublishResult:
    if out := published.candidate:
        summary = f"{summary}; a candidate for {out.percent} of gateways until {out.until}"
    return PublishResult(
        model=run.model,
        outcome=_PUBLISHED,
        summary=summary,
        version=published.version,
        serial=published.serial,
        file=run.objects.uri(file_key(run.model, published.version)),
        new_key=str(published.new_key) if published.new_key else None,
        candidate=published.candidate is not None,
    )


def _bill_of_materials(
    run: ModelRun, judged: FileVerdict, fields: Mapping[str, Any], content: bytes
) -> dict[str, Any]:
    """Of what is about to be published; its version is not known yet."""
    manifest = Manifest(
        **without_floats(fields),
        model=run.model,
        version=0,
        file="",
        sha256=sha256_of(content),
        size=len(content),
        created="",
        run_id=run.run_id,
    )
    return bill_of_materials(model_card(manifest), manifest.snapshot, judged.libraries)


def _refit_of(run: ModelRun, judged: FileVerdict) -> _Refit | None:
    """What became of the refit of this very file; None where none is wanted. A file that was
    judged again, since another champion came into force, may be another than was refitted."""
    try:
        refit = run.read_json(REFIT, _Refit)
    except NotFoundError:
        return _none(run, _NEVER) if run.settings.refit else None
    return refit if refit.judged_sha256 == judged.sha256 else _none(run, _OTHER)


def _none(run: ModelRun, why: str) -> _Refit:
    return _Refit(False, f"{run.model} ships as it was judged: {why}", [], "")


def _refitted_file(run: ModelRun, refit: _Refit) -> bytes:
    content = run.read(REFIT_FILE)
    if sha256_of(content) != refit.sha256:
        raise TrustError(
            f"{run.uri(REFIT_FILE)} is not the file that was compared with what was judged",
            fix="run refit again",
        )
    return content


def _keep_champion(store: Store, run: ModelRun, verdict: _Verdict) -> PublishResult:
    """Nothing changes but the timestamp's expiry, where the keys are: somebody looked, and the
    champion stands. One whose file is gone is said to be so."""
    if store.keys.uris():
        store.renew()
    champion = store.champion(run.model)
    return PublishResult(
        model=run.model,
        outcome=_KEPT,
        summary=verdict.summary + (_trouble(store, champion) if champion else ""),
        version=champion.version if champion else None,
        serial=champion.entry.serial if champion else None,
        file=store.file_uri(champion.manifest) if champion else None,
    )


def _trouble(store: Store, champion: Champion) -> str:
    """Why gateways cannot pull a champion that was kept; empty where they can."""
    try:
        store.read_file(champion.manifest)
    except TrustError as error:
        return f"; but v{champion.version} cannot be pulled: {error}"
    return ""
