"""What a file is taken for, told before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.readings.parsed import Parsed
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.settings.base import settings_origin
from smartwatts_ml.sources import Layout, Source

__all__ = ["Explanation", "explain"]

_EXAMPLES = 5


@dataclass(frozen=True)
class Explanation:
    """``facts`` in words, by what they are about; ``rows``: the first readings, with
    ``timestamp`` (UTC), ``device_id`` and ``consumption`` (in the unit of ``facts``);
    ``report`` accounts for the lines; ``rejected``: the first of them."""

    facts: dict[str, str]
    rows: tuple[dict[str, Any], ...]
    report: FileReport
    rejected: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "facts": self.facts,
            "rows": list(self.rows),
            "rejected": list(self.rejected),
            "file": self.report.to_json(),
        }


def explain(path: Path, name: str, source: Source, defaults: Layout) -> Explanation:
    """Read a file to its end, and keep nothing of it. Raises BadInputError as ingest would."""
    scan = FileScan(path, name, source, defaults)
    devices: set[str] = set()
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for block in scan:
        for parsed in block.rows:
            devices.update(parsed.names)
            rows += _examples(parsed, _EXAMPLES - len(rows))
        for row in block.rejected[: _EXAMPLES - len(rejected)]:
            rejected.append({"line": row.line, "value": row.text, "reason": row.why})
    return Explanation(_facts(scan, len(devices)), tuple(rows), scan.report(), tuple(rejected))


def _examples(parsed: Parsed, count: int) -> list[dict[str, Any]]:
    return [
        {
            "timestamp": f"{np.datetime64(int(stamp), 'us').astype('M8[s]')}Z",
            "device_id": parsed.names[device],
            "consumption": float(value),
        }
        for stamp, device, value in zip(
            parsed.stamps[:count], parsed.devices[:count], parsed.values[:count], strict=True
        )
    ]


def _facts(scan: FileScan, devices: int) -> dict[str, str]:
    form = scan.interpretation
    mapping, stamps = form.mapping, form.stamps
    clock = "UTC" if stamps.is_epoch else f"{form.timezone} where no offset is given"
    return {
        "layout": mapping.layout or "by the names of the columns",
        **scan.facts(),
        "columns": ", ".join(mapping.names),
        "decimal mark": form.numbers.decimal,
        "ignored columns": ", ".join(mapping.ignored) or "none",
        "timestamps": f"{stamps.form}, e.g. {stamps.sample}",
        "clock": clock,
        "settings": f"source {scan.source.match} ({settings_origin()})",
        "devices": str(devices),
    }
