"""Scores as bytes: what a run keeps so that a judgement can be repeated."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from smartwatts_ml.scores.scores import Scores

__all__ = ["pack_scores", "unpack_scores"]


def pack_scores(scores: Mapping[str, Scores]) -> bytes:
    """Scores by system as one .npz, without pickles; tables are left out."""
    arrays: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for name, score in scores.items():
        arrays[f"{name}/sites"] = score.sites.astype(str)
        arrays[f"{name}/weeks"] = score.weeks.astype("datetime64[D]")
        arrays[f"{name}/sums"] = score.sums
        for i, sums in enumerate(score.bands.values()):
            arrays[f"{name}/band {i}"] = sums
        texts[name] = {
            "channels": score.channels,
            "stats": score.stats,
            "bands": list(score.bands),
            "targets": score.targets,
            "extra": dict(score.extra),
            "notes": score.notes,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, texts=np.array(json.dumps(texts)), **arrays)
    return buffer.getvalue()


def unpack_scores(data: bytes) -> dict[str, Scores]:
    """Read what ``pack_scores`` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        texts = json.loads(str(arrays["texts"]))
        return {
            name: Scores(
                channels=tuple(text["channels"]),
                stats=tuple(text["stats"]),
                sites=arrays[f"{name}/sites"],
                weeks=arrays[f"{name}/weeks"],
                sums=arrays[f"{name}/sums"],
                bands={band: arrays[f"{name}/band {i}"] for i, band in enumerate(text["bands"])},
                targets=text["targets"],
                extra=text["extra"],
                notes=tuple(text["notes"]),
            )
            for name, text in texts.items()
        }
