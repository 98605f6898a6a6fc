"""How models, versions and files look on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from smartwatts_ml.commands.console import out
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.pulling.rings import Candidate
from smartwatts_ml.store import HistoryEntry, Manifest
from smartwatts_ml.store.forced import FORCE

__all__ = ["champions_table", "history_table", "print_manifest"]


def champions_table(rows: Iterable[dict[str, Any]]) -> Table:
    """A line for each model."""
    table = Table(*map(_whole, ("model", "version", "serial", "since", "size", "expires")))
    for row in rows:
        table.add_row(*_champion_cells(row))
    return table


def _whole(header: str) -> Column:
    return Column(header, no_wrap=True)


def _minute(time: str) -> str:
    """2026-11-22T02:11:09Z as 2026-11-22 02:11; all times are UTC."""
    return time[:16].replace("T", " ")


def _champion_cells(row: dict[str, Any]) -> list[str | Text]:
    if row["version"] is None:
        return [row["model"], Text("✗", "red") if row["problem"] else "–", "", "", "", ""]
    return [
        row["model"],
        Text.assemble(f"v{row['version']}", _how(row), _beside(row.get("candidate"))),
        str(row["serial"]),
        _minute(row["time"]),
        f"{row['size'] / 1024:.0f} KiB",
        row["expires"][:10] if row["expires"] else Text("missing", "yellow"),
    ]


def _how(row: dict[str, Any]) -> str | Text:
    """How a champion came into force, where that was not the gate's verdict."""
    if row.get("forced"):
        return Text(f" (forced by {row['forced']['actor']})", "bold red")
    return " (rolled back)" if row["action"] == "rollback" else ""


def _beside(candidate: Candidate | None) -> str:
    if candidate is None:
        return ""
    how = f"at {candidate.percent}" if candidate.share else "halted"
    return f", v{candidate.version} {how}"


def history_table(entries: Iterable[HistoryEntry]) -> Table:
    """A line for each promotion, rollback and change of a candidate."""
    table = Table("serial", _whole("time"), "action", "version", "before", "by", "reason")
    for entry in entries:
        before = f"v{entry.previous_version}" if entry.previous_version else "–"
        said = f", {entry.candidate.percent}" if entry.candidate else ""
        table.add_row(
            str(entry.serial),
            _minute(entry.time),
            Text(entry.action, "bold red" if entry.action == FORCE else ""),
            f"v{entry.about}{said}",
            before,
            entry.actor,
            entry.reason,
        )
    return table


def print_manifest(manifest: Manifest, uri: str) -> None:
    """What a version is, and its metrics."""
    facts = Table(show_header=False, box=None)
    snapshot = manifest.snapshot
    for name, value in (
        ("model", f"{manifest.model} v{manifest.version}"),
        ("file", f"{uri} ({manifest.size / 1024:.0f} KiB, {manifest.quantization})"),
        ("sha256", manifest.sha256),
        ("made", f"{manifest.created} by run {manifest.run_id}, code {manifest.code}"),
        (
            "readings",
            f"{snapshot.get('rows')} of {snapshot.get('sites')} sites, {snapshot.get('from')}"
            f" to {snapshot.get('to')}, snapshot {snapshot.get('version')}",
        ),
        ("inputs", _tensors(manifest.inputs)),
        ("outputs", _tensors(manifest.outputs)),
        ("runs on", _runtime(manifest.runtime or {})),
        ("left out", "\n".join(left_out_lines(manifest.decision)) or "nothing"),
        ("reasons", "\n".join(str(reason) for reason in manifest.decision.get("reasons", ()))),
        (
            "refit",
            str(manifest.decision.get("refit", {}).get("summary", "none: it ships as judged")),
        ),
    ):
        facts.add_row(Text(name, "bold"), value)
    out.print(facts)
    out.print(_metrics_table(manifest.metrics))
    slices = _slices_table(manifest.metrics)
    if slices.row_count:
        out.print(slices)


def _runtime(runtime: dict[str, Any]) -> str:
    if not runtime:
        return "not said: an earlier release published it"
    operators, least = runtime.get("operators", []), runtime.get("least") or "?"
    return f"TensorFlow Lite {least} or later, {len(operators)} kinds of operators"


def _tensors(tensors: list[dict[str, Any]]) -> str:
    return "\n".join(f"{t.get('name')} {t.get('shape')} {t.get('unit', '')}" for t in tensors)


def _metrics_table(metrics: dict[str, Any]) -> Table:
    systems = [name for name, values in metrics.items() if isinstance(values, dict)]
    names = dict.fromkeys(n for system in systems for n in metrics[system] if n != "slices")
    table = Table("metric", *systems)
    for name in names:
        table.add_row(name, *(_short(metrics[system].get(name)) for system in systems))
    return table


def _slices_table(metrics: dict[str, Any]) -> Table:
    """A line for each slice and metric: challenger, and champion where there was one."""
    by_system = {
        name: values["slices"]
        for name, values in metrics.items()
        if isinstance(values, dict) and "slices" in values
    }
    table = Table("slice", "metric", *by_system)
    for place in dict.fromkeys(place for slices in by_system.values() for place in slices):
        measured = [slices.get(place, {}) for slices in by_system.values()]
        for metric in dict.fromkeys(name for values in measured for name in values):
            table.add_row(place, metric, *(_short(values.get(metric)) for values in measured))
    return table


def _short(value: Any) -> str:
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return "–" if value is None else str(value)
