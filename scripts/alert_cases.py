"""``make docs``: gateway/alerts.csv, the cases that a gateway's rule of alerts is tried with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smartwatts_ml.kinds.anomaly.policy import FAMILIES, FIXED, Limit, quiet_alerts

__all__ = ["VECTORS", "vectors"]

VECTORS = Path(__file__).resolve().parent.parent / "gateway" / "alerts.csv"
_HEAD = "case,threshold,step,fall,most,hour,nines,alert,family,told"
_MOVING = Limit(0.3, 0.0006160164271047228, 1.5)  # 0.3 in twenty days
_THRESHOLD = 2.75
_HOURS = 24 * 80
_CASES = {
    "quiet": (FIXED, 1.6, 1.0),
    "odd at times": (FIXED, 2.3, 1.0),
    "limit": (_MOVING, 2.3, 1.0),
    "limit, an odd season": (_MOVING, 2.8, 1.0),
    "limit, hours missing": (_MOVING, 2.5, 0.7),
}
"""The limit, how odd hours are, and the share of hours that have a score."""


def vectors() -> str:
    """The whole file: hours that matter to the rule, and the number of the alert that each belongs
    to, 0 for none."""
    lines = [_HEAD]
    for seed, (name, (limit, odd, share)) in enumerate(_CASES.items()):
        rng = np.random.default_rng(seed)
        bumps = np.convolve(rng.random(_HOURS) < 0.01, np.ones(5), "same")
        rarity = np.round(rng.exponential(0.35, _HOURS) + odd * bumps, 4)
        family = rng.integers(0, len(FAMILIES), _HOURS // 12).repeat(12)
        hours = np.flatnonzero(rng.random(_HOURS) < share)
        rarity, family = rarity[hours], family[hours]
        loud = rarity >= _THRESHOLD
        told = quiet_alerts(hours, loud, rarity, family, _THRESHOLD, limit)
        head = f"{name.replace(',', '')},{_THRESHOLD},{limit.step},{limit.fall},{limit.most}"
        names = list(FAMILIES)
        for row in np.flatnonzero(rarity >= _THRESHOLD - 1):
            lines.append(
                f"{head},{hours[row]},{rarity[row]},{int(loud[row])},{names[family[row]]},{told[row]}"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    VECTORS.write_text(vectors())
