"""Which source a landing file is of, by its path."""

from __future__ import annotations

from smartwatts_ml.settings import Settings, Source

__all__ = ["source_of"]


def source_of(settings: Settings, key: str) -> Source:
    """The first of the settings' sources that matches a file; what it leaves open is as
    the settings say for all."""
    found = next((source for source in settings.sources if source.matches(key)), Source())
    given = {"unit": settings.unit, "timezone": settings.timezone}
    return found.model_copy(
        update={name: value for name, value in given.items() if getattr(found, name) is None}
    )
