"""One model in one run: what its stages hand to each other.

runs/<run_id>/snapshot.json            the readings that every stage of the run sees
runs/<run_id>/labels.json              what people said of homes, likewise
runs/<run_id>/<model>/…                challenger, scores, decision, file, report
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from smartwatts_ml.errors import NotEnoughReadingsError, NotFoundError, TrustError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind, ModelSpec
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteSpan, coarser_mains
from smartwatts_ml.readings.holdout import (
    SelectedReadings,
    Split,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.readings.ingest.landing import empty_root
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.readings.table.table import Snapshot, open_table
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES, check_run_id
from smartwatts_ml.runs.labels import read_labels
from smartwatts_ml.runs.snapshot import read_snapshot
from smartwatts_ml.settings import Settings

__all__ = ["LABELS", "SNAPSHOT", "ModelRun"]

SNAPSHOT, LABELS = "../snapshot.json", "../labels.json"
"""What a run calls its pinned snapshot, and labels, which all of its models share."""
_T = TypeVar("_T")
_MAX_ARTEFACT_BYTES = 1 << 30
"""What a network or scores may have; today's have a thousandth."""
_KEPT_BYTES = 64 << 20
"""Of the holdout in memory: two years of hourly mains of 900 sites."""


@dataclass(frozen=True)
class ModelRun:
    """One model in one run: its readings, and its artefacts by name."""

    objects: Objects
    settings: Settings
    run_id: str
    model: str
    left: dict[str, str] | None = None
    """SHA-256 of what the run's stages have left so far, by name: nothing else is read, and
    what is written is added. None for whoever only looks at a run."""

    @cached_property
    def kind(self) -> Kind:
        return find_model(self.model)[0]

    @cached_property
    def spec(self) -> ModelSpec:
        return find_model(self.model)[1]

    @cached_property
    def snapshot(self) -> Snapshot:
        wanted = None if self.left is None else self.left.get(SNAPSHOT, "")
        return read_snapshot(self.objects, self.run_id, wanted)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """What people said of homes, as the run pinned it."""
        wanted = None if self.left is None else self.left.get(LABELS, "")
        return read_labels(self.objects, self.run_id, wanted)

    @cached_property
    def _everything(self) -> Readings:
        if not self.snapshot.rows:
            raise NotEnoughReadingsError(empty_root(self.objects))
        return open_table(self.objects).readings(self.snapshot, self.settings)

    @cached_property
    def readings(self) -> SelectedReadings:
        """The sites of the snapshot that this model can use, and what people said of these and of
        ``mains_only``."""
        everything = self._everything
        usable = [span for span in everything.spans() if self.kind.uses(self.spec, span)]
        if not usable:
            coarser = coarser_mains(everything.spans(), self.spec.period_s)
            reason = f": it takes mains every {self.spec.period_s} s, and {coarser}"
            raise NotEnoughReadingsError(
                f"no site has readings that {self.model} can use{reason if coarser else ''}"
            )
        return SelectedReadings(everything, usable, labels=self._labels_of(usable))

    @cached_property
    def mains_only(self) -> SelectedReadings:
        """Sites that can teach this model by labels alone."""
        spans = [
            span
            for span in self._everything.spans()
            if not self.kind.uses(self.spec, span)
            and MAINS in span.channels
            and span.fits(self.spec.period_s)
        ]
        return SelectedReadings(self._everything, spans, labels=self.labels)

    def _labels_of(self, usable: Sequence[SiteSpan]) -> list[Label]:
        if not self.labels:
            return []
        known = {span.site for span in (*usable, *self.mains_only.spans())}
        return [label for label in self.labels if label.site in known]

    def _labelled(self) -> list[SiteSpan]:
        labelled = {label.site for label in self.labels}
        return [span for span in self.mains_only.spans() if span.site in labelled]

    @cached_property
    def split(self) -> Split:
        spec = self.spec
        return make_split(
            self.readings.spans(),
            self.settings.holdout,
            least_s=spec.holdout_s,
            embargo_s=spec.window_s if spec.embargo_s is None else spec.embargo_s,
            labelled=self._labelled() if self.labels else (),
        )

    @property
    def training(self) -> SelectedReadings:
        """What may be trained on, anew at each call: it remembers what it gave."""
        return training_part(self.readings, self.split)

    @property
    def everything(self) -> SelectedReadings:
        """What an accepted model is refitted on, anew at each call."""
        labels = self.readings.labels()
        return SelectedReadings(self.readings, self.readings.spans(), labels=labels)

    @cached_property
    def holdout(self) -> SelectedReadings:
        """What is judged on. A judgement goes through it several times."""
        return holdout_part(self.readings, self.split, _KEPT_BYTES)

    def key(self, name: str) -> str:
        return f"runs/{check_run_id(self.run_id)}/{self.model}/{name}"

    def uri(self, name: str) -> str:
        """An artefact's address."""
        return self.objects.uri(self.key(name))

    def write(self, name: str, data: bytes) -> str:
        """Write an artefact; its address."""
        self.objects.write(self.key(name), data)
        if self.left is not None:
            self.left[name] = sha256_of(data)
        return self.uri(name)

    def read(self, name: str, limit: int = _MAX_ARTEFACT_BYTES) -> bytes:
        """Read an artefact that an earlier stage left, of at most ``limit`` bytes. Raises
        NotFoundError where none did, whatever lies there; TrustError where it is another."""
        fix = "run the stages before this one; smartwatts --help has them in order"
        if self.left is not None and name not in self.left:
            raise NotFoundError(f"no stage left {self.uri(name)}", fix=fix)
        try:
            data = self.objects.read(self.key(name), limit).data
        except NotFoundError as error:
            raise NotFoundError(f"{self.uri(name)} is not there", fix=fix) from error
        if self.left is not None and sha256_of(data) != self.left[name]:
            raise TrustError(f"{self.uri(name)} is not what the stage before left", fix=fix)
        return data

    def write_json(self, name: str, value: Any) -> str:
        return self.write(name, json_text(value, indent=1).encode())

    def read_json(self, name: str, cls: type[_T]) -> _T:
        """Read a document that an earlier stage left. Raises StoreError where it is damaged."""
        data = self.read(name, MAX_RECORD_BYTES)
        return parsed_document(cls, data, self.uri(name), "run the stages of this model again")
