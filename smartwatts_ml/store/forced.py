"""Versions that a person put in force against the gate's verdict: shown red on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from smartwatts_ml.store.documents import HistoryEntry

__all__ = ["FORCE", "Forced", "forced", "in_force_by_force"]

FORCE: Final = "force"


@dataclass(frozen=True)
class Forced:
    """Who forced which version when, and why; ``in_force``: whether it is the champion."""

    model: str
    version: int
    actor: str
    reason: str
    time: str
    in_force: bool

    @property
    def text(self) -> str:
        """For people."""
        now = "is in force" if self.in_force else "was put in force"
        return (
            f"{self.model} v{self.version} {now} against the gate's verdict: forced by "
            f"{self.actor} on {self.time[:10]}: {self.reason}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "text": self.text}


def forced(history: Sequence[HistoryEntry]) -> tuple[Forced, ...]:
    """Every forced version of a verified history, newest first."""
    champion = history[-1].version if history else None
    return tuple(
        Forced(
            entry.model,
            entry.version,
            entry.actor,
            entry.reason,
            entry.time,
            entry.version == champion,
        )
        for entry in reversed(history)
        if entry.action == FORCE
    )


def in_force_by_force(history: Sequence[HistoryEntry]) -> Forced | None:
    """The champion, if it came into force that way; a rollback to it counts too."""
    return next((version for version in forced(history) if version.in_force), None)
