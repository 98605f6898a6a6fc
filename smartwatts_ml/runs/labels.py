"""What people said of their homes, as a run sees it: pinned when it begins, like the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.gate.judgement import Instant
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.labels.answer import Homes
from smartwatts_ml.labels.answers import current_labels, take_labels
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.readings.table.table import existing_table
from smartwatts_ml.records.intake import RecordsTaken
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES, check_run_id
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings

__all__ = ["pin_labels", "read_labels", "take_new_labels"]


@dataclass(frozen=True)
class _Pinned:
    """Columns of equal length, so that thousands of them stay small."""

    site: tuple[str, ...] = ()
    appliance: tuple[str, ...] = ()
    start: tuple[Instant, ...] = ()
    end: tuple[Instant, ...] = ()
    yes: tuple[bool, ...] = ()

    @classmethod
    def of_labels(cls, labels: Sequence[Label]) -> _Pinned:
        return cls(**{name: tuple(getattr(x, name) for x in labels) for name in _COLUMNS})

    def labels(self) -> tuple[Label, ...]:
        columns = (getattr(self, name) for name in _COLUMNS)
        return tuple(Label(*row) for row in zip(*columns, strict=True))


_COLUMNS = ("site", "appliance", "start", "end", "yes")


def take_new_labels(objects: Objects, settings: Settings) -> RecordsTaken:
    """Add the files of ``landing/labels/`` that are new, about homes of the newest snapshot. Homes
    may be named as reports call them."""
    return take_labels(objects, partial(_homes, objects, settings))


def _homes(objects: Objects, settings: Settings) -> Homes:
    names, table = site_names(objects, settings), existing_table(objects)
    if table is None:
        return Homes([], lambda _: settings.timezone, names.pseudonym)
    readings = table.readings(table.snapshot(), settings)
    return Homes(readings.spans(), readings.timezone, names.pseudonym)


def pin_labels(objects: Objects, run_id: str) -> str:
    """Fix which labels the run sees; the digest of what is pinned, empty where there are none. A
    repeated call keeps the first ones."""
    key = _key(run_id)
    if not objects.exists(key):
        labels = current_labels(objects)
        if not labels:
            return ""
        objects.write(key, json_text(_Pinned.of_labels(labels)).encode())
    return sha256_of(objects.read(key, MAX_RECORD_BYTES).data)


def read_labels(objects: Objects, run_id: str, sha256: str | None = None) -> tuple[Label, ...]:
    """The labels that the run pinned; none where it pinned none. Raises StoreError where they are
    gone, damaged, or not of that digest."""
    key = _key(run_id)
    fix = "smartwatts train MODEL starts another run; remove the folder of this one"
    if sha256 == "":
        return ()
    try:
        data = objects.read(key, MAX_RECORD_BYTES).data
    except NotFoundError:
        if sha256 is None:
            return ()
        raise
    if sha256 is not None and sha256_of(data) != sha256:
        raise TrustError(f"{objects.uri(key)} is not what the run pinned", fix=fix)
    return parsed_document(_Pinned, data, objects.uri(key), fix).labels()


def _key(run_id: str) -> str:
    return f"runs/{check_run_id(run_id)}/labels.json"
