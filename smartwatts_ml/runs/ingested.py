"""What a run's ingest said of its files: for the run's page on its readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartwatts_ml.errors import StoreError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.folders import check_run_id

__all__ = ["Ingested", "ingested", "ingested_folder", "keep_ingested"]

_MOST_BYTES = 1 << 20
_MOST_LINES = 200


@dataclass(frozen=True)
class Ingested:
    """How many files were ``read``, and how many ``left`` as nothing can be taken of them; a line
    on each, of which the least remarkable may be missing. ``troubles``: what of all this is
    damaged."""

    read: int
    left: int
    lines: Sequence[str]
    troubles: Sequence[str] = ()


def keep_ingested(objects: Objects, run_id: str, batch: Ingested) -> None:
    """Keep what one batch of files gave; several may be at it at once."""
    content = json_text(batch, indent=1).encode()
    objects.write(f"{ingested_folder(run_id)}{sha256_of(content)[:16]}.json", content)


def ingested(objects: Objects, run_id: str) -> Ingested:
    """What all batches gave, as far as it can be read."""
    batches: list[Ingested] = []
    troubles: list[str] = []
    for info in objects.list(ingested_folder(run_id)):
        try:
            data = objects.read(info.key, _MOST_BYTES).data
            where = objects.uri(info.key)
            batches.append(parsed_document(Ingested, data, where, "it only informs"))
        except StoreError as error:
            troubles.append(str(error))
    lines = [line for batch in batches for line in batch.lines]
    return Ingested(
        read=sum(batch.read for batch in batches),
        left=sum(batch.left for batch in batches),
        lines=[*lines[:_MOST_LINES], "…"] if len(lines) > _MOST_LINES else lines,
        troubles=troubles,
    )


def ingested_folder(run_id: str) -> str:
    """Where that is kept."""
    return f"runs/{check_run_id(run_id)}/ingested/"
