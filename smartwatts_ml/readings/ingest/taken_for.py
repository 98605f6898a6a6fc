"""What a file was taken for, so that it can be told when that would be something else today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

from smartwatts_ml import __version__
from smartwatts_ml.readings.layouts.catalog import known_layouts, recognise
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Layout, Source

__all__ = ["TakenFor", "said_of"]

_MOST_BYTES = 1024
"""Of what a source says, and of the names of columns; of more only a digest is kept."""


@dataclass(frozen=True)
class TakenFor:
    """``layout`` (its name; empty where names of columns told), ``unit``, ``timezone`` of naive
    stamps and form of ``stamps`` are for people. What was said of the file: ``source``, the
    fields of the settings; ``defaults``, those that held; ``layouts``, the digest of each that
    fits its ``columns``."""

    layout: str = ""
    unit: str = ""
    timezone: str = ""
    stamps: str = ""
    columns: tuple[str, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_scan(cls, scan: FileScan, defaults: Layout) -> Self:
        """What a file was taken for that was read to its end."""
        form = scan.interpretation
        mapping = form.mapping
        units = sorted({value.unit or mapping.default_unit for value in mapping.values})
        columns = mapping.names if _size(mapping.names) <= _MOST_BYTES else ()
        return cls(
            layout=mapping.layout,
            unit=", ".join(units) if mapping.unit is None else "as a column says",
            timezone=form.timezone,
            stamps=form.stamps.form,
            columns=columns,
            source=_said(scan.source),
            defaults={name: getattr(defaults, name) for name in sorted(form.unsaid)},
            layouts=_layouts(scan.source, columns, mapping.layout),
        )

    def __str__(self) -> str:
        layout = f"{self.layout}, " if self.layout else ""
        return f"{layout}unit {self.unit}, timezone {self.timezone}, stamps {self.stamps}"

    @cached_property
    def name(self) -> str:
        """A digest of all of it."""
        return _digest_of(asdict(self))

    def changes(self, source: Source, defaults: Layout) -> list[str]:
        """What would be said otherwise today, by the names of fields."""
        before = {**self.defaults, **self.source}
        after = {name: getattr(defaults, name) for name in self.defaults} | _said(source)
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if self.layouts != _layouts(source, self.columns, self.layout):
            names.add("layout")
        return sorted(names)


def said_of(key: str, settings: Settings) -> str:
    """A digest of all that decides whether a file that was left can be taken."""
    source, holding = settings.source_of(key), settings.defaults
    said = [_said(source), source.check_mains]
    defaults = [holding.model_dump(mode="json"), sorted(holding.model_fields_set)]
    layouts = {layout.name: layout.digest for layout in known_layouts()}
    return _digest_of([said, defaults, layouts, __version__])


def _digest_of(value: Any) -> str:
    """Names a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _size(value: Any) -> int:
    return len(json.dumps(value).encode())


def _said(source: Source) -> dict[str, Any]:
    """The fields of a source that say something of what is read."""
    said = source.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"match", "check_mains"}
    )
    return said if _size(said) <= _MOST_BYTES else {"all": _digest_of(said)}


def _layouts(source: Source, columns: Sequence[str], name: str) -> dict[str, str]:
    """The layout that would be used, with its digest."""
    recognised = recognise(columns) if columns else None
    chosen = source.layout or (recognised.name if recognised else name)
    return {layout.name: layout.digest for layout in known_layouts() if layout.name == chosen}
