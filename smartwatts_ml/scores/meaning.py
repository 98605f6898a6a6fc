"""What a metric means, for people: its name, its unit, which way is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Better", "MetricMeaning", "plain_meaning"]

Better = Literal["lower", "higher", ""]
"""Which way a metric is better; empty where it should be near a value, or nothing says so."""
_SHARE = "%"


@dataclass(frozen=True)
class MetricMeaning:
    """``unit``: ``"%"`` of a share in 0..1, which is shown as percent; else what follows the
    number, empty where there is none. ``says``: a sentence for whoever never heard of it."""

    label: str
    unit: str = ""
    better: Better = ""
    says: str = ""

    def text(self, value: float | None) -> str:
        """A value as people read it.

        >>> watts, share = MetricMeaning("MAE", "W"), MetricMeaning("WAPE", "%")
        >>> share.text(0.2314), watts.text(20.31), watts.text(1234.5)
        ('23.1 %', '20.3 W', '1,234 W')
        >>> MetricMeaning("F1").text(0.8123), MetricMeaning("F1").text(None)
        ('0.812', '–')
        """
        if value is None or not math.isfinite(value):
            return "–"
        return f"{_rounded(value * 100 if self.unit == _SHARE else value)} {self.unit}".rstrip()

    def change(self, before: float | None, now: float | None) -> str:
        """From one value to another: in points of percent, else by what share; empty where
        either is missing or nothing is to be seen of it.

        >>> watts = MetricMeaning("MAE", "W")
        >>> MetricMeaning("WAPE", "%").change(0.25, 0.231), watts.change(20.0, 25.0)
        ('▼ 1.9 pts', '▲ 25 %')
        >>> watts.change(20.0, 20.001)
        '='
        """
        if before is None or now is None or not math.isfinite(now - before):
            return ""
        points = self.unit == _SHARE
        if not points and not before:
            return ""
        moved = (now - before) * 100 if points else (now - before) / abs(before) * 100
        if abs(moved) < 0.05:
            return "="
        return (
            f"{'▲' if moved > 0 else '▼'} {float(f'{abs(moved):.2g}'):g} {'pts' if points else '%'}"
        )

    def is_better(self, value: float | None, than: float | None) -> bool | None:
        """Whether a value beats another one; None where nothing says so, or neither does.

        >>> MetricMeaning("MAE", "W", "lower").is_better(20, 40)
        True
        >>> MetricMeaning("MAE", "W").is_better(20, 40) is None
        True
        """
        if not self.better or value is None or than is None or not math.isfinite(value - than):
            return None
        if value == than:
            return None
        return value < than if self.better == "lower" else value > than


def plain_meaning(metric: str) -> MetricMeaning:
    """Of a metric that nobody explains, by its name.

    >>> plain_meaning("rmse_w").text(12.0), plain_meaning("event_recall").label
    ('12 W', 'event recall')
    """
    watts = metric.endswith("_w")
    return MetricMeaning(metric.removesuffix("_w").replace("_", " "), "W" if watts else "")


def _rounded(value: float) -> str:
    """Three digits, and no exponents.

    >>> _rounded(0.01234), _rounded(12345.6), _rounded(0.0), _rounded(12.0)
    ('0.0123', '12,346', '0', '12')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{float(f'{value:.3g}'):g}"
