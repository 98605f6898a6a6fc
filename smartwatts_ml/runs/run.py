"""A run's folder: what the stages of one run hand to each other.

runs/<run_id>/snapshot.json            the readings that every stage of the run sees
runs/<run_id>/<model>/…                challenger, scores, decision, file, report
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from smartwatts_ml.errors import NotEnoughReadingsError, NotFoundError, UsageError
from smartwatts_ml.jsontext import json_text
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind, ModelSpec
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.holdout import (
    SelectedReadings,
    Split,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.readings.table.table import Snapshot, open_table
from smartwatts_ml.settings import Settings

__all__ = [
    "ModelRun",
    "latest_run",
    "model_report",
    "models_of_run",
    "new_run_id",
    "pin_snapshot",
    "read_snapshot",
]

KEPT_BYTES = 64 << 20
"""Of the holdout in memory: two years of hourly mains of 900 sites."""


def new_run_id(prefix: str = "cli") -> str:
    """A run's name that sorts by time, e.g. ``cli-20261122T020000Z-1f3a``."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def check_run_id(run_id: str) -> str:
    """The run_id itself, if it can be a folder's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", run_id):
        raise UsageError(f"run id {run_id!r} has characters other than letters, digits, . _ + -")
    return run_id


def pin_snapshot(objects: Objects, run_id: str, snapshot: Snapshot) -> Snapshot:
    """Fix what the run sees. A repeated call keeps the first snapshot."""
    key = f"runs/{check_run_id(run_id)}/snapshot.json"
    if not objects.exists(key):
        objects.write(key, json_text(snapshot.to_json(), indent=1).encode())
    return read_snapshot(objects, run_id)


def read_snapshot(objects: Objects, run_id: str) -> Snapshot:
    """The run's pinned snapshot."""
    try:
        data = objects.read(f"runs/{check_run_id(run_id)}/snapshot.json").data
    except NotFoundError as error:
        raise NotFoundError(
            f"no run {run_id} in {objects.url}", fix="smartwatts train MODEL starts one"
        ) from error
    return Snapshot.from_json(json.loads(data))


def latest_run(objects: Objects) -> str:
    """The run that was started last."""
    pinned = [i for i in objects.list("runs/") if i.key.endswith("/snapshot.json")]
    if not pinned:
        raise NotFoundError(
            f"no run in {objects.url}", fix="smartwatts retrain, or smartwatts train MODEL"
        )
    return max(pinned, key=lambda info: info.modified).key.split("/")[1]


def models_of_run(objects: Objects, run_id: str, names: Sequence[str]) -> list[str]:
    """The models that have a challenger in the run, in the order of ``names``."""
    prefix = f"runs/{check_run_id(run_id)}/"
    trained = {i.key.split("/")[2] for i in objects.list(prefix) if i.key.endswith(".keras")}
    if not trained:
        raise NotFoundError(f"run {run_id} has no challenger", fix="smartwatts train MODEL first")
    return [name for name in names if name in trained]


@dataclass(frozen=True)
class ModelRun:
    """One model in one run: its readings, and its artefacts by name."""

    objects: Objects
    settings: Settings
    run_id: str
    model: str

    @cached_property
    def kind(self) -> Kind:
        return find_model(self.model)[0]

    @cached_property
    def spec(self) -> ModelSpec:
        return find_model(self.model)[1]

    @cached_property
    def snapshot(self) -> Snapshot:
        return read_snapshot(self.objects, self.run_id)

    @cached_property
    def readings(self) -> SelectedReadings:
        """The sites of the snapshot that this model can use."""
        everything = open_table(self.objects).readings(self.snapshot, self.settings)
        usable = [span for span in everything.spans() if self.kind.uses(self.spec, span)]
        if not usable:
            raise NotEnoughReadingsError(f"no site has readings that {self.model} can use")
        return SelectedReadings(everything, usable)

    @cached_property
    def split(self) -> Split:
        spec = self.spec
        return make_split(
            self.readings.spans(),
            self.settings.holdout,
            least_s=spec.holdout_s,
            embargo_s=spec.window_s if spec.embargo_s is None else spec.embargo_s,
        )

    @property
    def training(self) -> SelectedReadings:
        """What may be trained on, anew at each call: it remembers what it gave."""
        return training_part(self.readings, self.split)

    @cached_property
    def holdout(self) -> SelectedReadings:
        """What is judged on. A judgement goes through it several times."""
        return holdout_part(self.readings, self.split, KEPT_BYTES)

    def key(self, name: str) -> str:
        return f"runs/{check_run_id(self.run_id)}/{self.model}/{name}"

    def write(self, name: str, data: bytes) -> str:
        """Write an artefact; its address."""
        self.objects.write(self.key(name), data)
        return self.objects.uri(self.key(name))

    def read(self, name: str) -> bytes:
        """Read an artefact that an earlier stage left."""
        try:
            return self.objects.read(self.key(name)).data
        except NotFoundError as error:
            raise NotFoundError(
                f"{self.objects.uri(self.key(name))} is not there",
                fix="run the stages in order: train, validate, convert, publish",
            ) from error

    def write_json(self, name: str, value: Any) -> str:
        return self.write(name, json_text(value, indent=1).encode())

    def read_json(self, name: str) -> Any:
        return json.loads(self.read(name))


def model_report(objects: Objects, run_id: str, model: str) -> dict[str, Any] | None:
    """What a run decided on one model, and what came of it; None before a decision."""
    base = f"runs/{run_id}/{model}"
    try:
        decision = json.loads(objects.read(f"{base}/decision.json").data)
    except NotFoundError:
        return None
    report: dict[str, Any] = {
        "model": model,
        "accepted": decision["accepted"],
        "summary": decision["summary"],
        "reasons": decision["reasons"],
        "metrics": decision["metrics"],
        "report": objects.uri(f"{base}/report.html"),
        "version": None,
        "file": None,
    }
    if objects.exists(f"{base}/published.json"):
        report |= json.loads(objects.read(f"{base}/published.json").data)
    return report
