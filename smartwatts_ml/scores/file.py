"""Scores as bytes: what a run keeps so that a judgement can be repeated."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from smartwatts_ml.scores.scores import Scores

__all__ = ["pack_scores", "unpack_scores"]

_ARRAYS = ("sites", "weeks", "sums")
_TEXTS = ("channels", "stats", "targets", "extra", "notes")


def pack_scores(scores: Mapping[str, Scores]) -> bytes:
    """Scores by system as one .npz, without pickles; tables and records are left out."""
    arrays: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for system, score in scores.items():
        arrays |= {f"{system}/{name}": getattr(score, name) for name in _ARRAYS}
        arrays |= {f"{system}/band {i}": sums for i, sums in enumerate(score.bands.values())}
        texts[system] = {name: getattr(score, name) for name in _TEXTS}
        texts[system]["bands"] = list(score.bands)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, texts=np.array(json.dumps(texts)), **arrays)
    return buffer.getvalue()


def unpack_scores(data: bytes) -> dict[str, Scores]:
    """Read what ``pack_scores`` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {
            system: Scores(
                **{name: arrays[f"{system}/{name}"] for name in _ARRAYS},
                **{name: _frozen(texts[name]) for name in _TEXTS},
                bands={name: arrays[f"{system}/band {i}"] for i, name in enumerate(texts["bands"])},
            )
            for system, texts in json.loads(str(arrays["texts"])).items()
        }


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
