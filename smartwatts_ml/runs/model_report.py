"""What a run decided on a model, as its folder says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES, check_run_id

__all__ = ["failure_of", "keep_failure", "model_report"]

_FIX = "run the stages of this model again"
_FAILED = "failed.json"


@dataclass(frozen=True)
class _Decided:
    """What is told of decision.json; metrics as they were written."""

    accepted: bool
    summary: str
    reasons: list[str]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class _Published:
    """What published.json says."""

    outcome: str
    summary: str
    version: int | None
    serial: int | None
    file: str | None
    new_key: str | None = None
    candidate: bool = False


@dataclass(frozen=True)
class _Failed:
    """What failed.json says."""

    reason: str


def keep_failure(objects: Objects, run_id: str, model: str, reason: str) -> None:
    """Why a run did not get as far as publishing or keeping, beside what it left."""
    key = f"runs/{check_run_id(run_id)}/{model}/{_FAILED}"
    objects.write(key, json_text(_Failed(reason), indent=1).encode())


def failure_of(objects: Objects, run_id: str, model: str) -> str | None:
    """Why a run failed on a model; None where it did not, or went through later."""
    base = f"runs/{check_run_id(run_id)}/{model}"
    key = f"{base}/{_FAILED}"
    try:
        data = objects.read(key, MAX_RECORD_BYTES).data
    except NotFoundError:
        return None
    if objects.exists(f"{base}/published.json"):
        return None
    return parsed_document(_Failed, data, objects.uri(key), _FIX).reason


def model_report(objects: Objects, run_id: str, model: str) -> dict[str, Any] | None:
    """What a run decided on one model, and what came of it; None before a decision."""
    base = f"runs/{run_id}/{model}"
    decided, published = f"{base}/decision.json", f"{base}/published.json"
    try:
        data = objects.read(decided, MAX_RECORD_BYTES).data
    except NotFoundError:
        return None
    report: dict[str, Any] = {
        "model": model,
        **vars(parsed_document(_Decided, data, objects.uri(decided), _FIX)),
        "report": objects.uri(f"{base}/report.html"),
        "version": None,
        "file": None,
    }
    if objects.exists(published):
        data = objects.read(published, MAX_RECORD_BYTES).data
        report |= vars(parsed_document(_Published, data, objects.uri(published), _FIX))
    return report
