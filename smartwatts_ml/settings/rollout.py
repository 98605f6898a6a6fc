"""To how many gateways a new version goes, and when to more (``SMARTWATTS_ROLLOUT_*``)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from smartwatts_ml.settings.base import SettingsGroup

__all__ = ["RolloutSettings"]

_EVERYBODY: Final = 10_000
_SHARE = re.compile(r"\d{1,3}(\.\d{1,2})?")


class RolloutSettings(SettingsGroup):
    """The steps of a rollout."""

    prefix: ClassVar[str] = "rollout_"

    shares: str = Field(
        "100",
        description="Shares of gateways, in percent, that a new version goes to step by step, "
        "the last of them 100: 5,25,100. 100 alone: to all at once.",
    )
    days: float = Field(
        2.0,
        gt=0,
        le=365,
        description="Days that a step lasts. A candidate that nobody widens within twice that "
        "lapses: gateways go back to the champion.",
    )
    by: Literal["schedule", "evidence", "hand"] = Field(
        "schedule",
        description="Who widens a candidate. schedule: the renewal of the timestamp, once a step "
        "is over. evidence: `smartwatts watch`, once harm is refuted, or a step is over and none "
        "was shown. hand: people alone.",
    )
    runtime: str = Field(
        "",
        pattern=r"^([0-9]{1,9}(\.[0-9]{1,9}){0,3})?$",
        description="Release of LiteRT that gateways need to take a candidate, e.g. 2.3.0; empty: "
        "any. It is no version of TensorFlow Lite, in which `least` of a manifest counts.",
    )

    @field_validator("shares")
    @classmethod
    def _ascending(cls, text: str) -> str:
        steps = _steps(text)
        ascend = all(before < after for before, after in pairwise(steps))
        if not steps or not ascend or steps[0] <= 0 or steps[-1] != _EVERYBODY:
            raise ValueError("no shares in percent that ascend to 100, such as 5,25,100")
        return text

    @property
    def first(self) -> int:
        """The share that a new version goes to first, of 10,000."""
        return _steps(self.shares)[0]

    def after(self, share: int) -> int:
        """The step after a share; 10,000 is everybody."""
        return next((step for step in _steps(self.shares) if step > share), _EVERYBODY)

    @property
    def patience_days(self) -> float:
        """How long a candidate stays at a share at most."""
        return 2 * self.days


def _steps(text: str) -> list[int]:
    """Of 10,000 each; none where the text is no list of percentages.

    >>> _steps("0.5, 25,100"), _steps("5%")
    ([50, 2500, 10000], [])
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(_SHARE.fullmatch(part) for part in parts):
        return []
    return [round(float(part) * 100) for part in parts]
