"""A model card on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from smartwatts_ml.commands.console import out
from smartwatts_ml.printable import printable
from smartwatts_ml.reports.card import CardMetric, ModelCard

__all__ = ["print_card"]


def print_card(card: ModelCard) -> None:
    """What somebody who is to use the version should know."""
    out.print(Text.assemble((f"{card.model} v{card.version}", "bold"), f": {card.title}"))
    facts = Table(show_header=False, box=None)
    for name, text in _facts(card):
        facts.add_row(Text(name, "bold"), printable(text))
    out.print(facts)
    out.print(_metrics_table(card.metrics))
    if card.parts:
        out.print(_parts_table(card))


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    yield "use", card.intended_use or "not said"
    yield "limits", _lines(card.limits) or "none said"
    yield "left out", _lines(f"{name}: {why}" for name, why in card.left_out.items()) or "nothing"
    span = f"{card.since[:10] or '?'} to {card.until[:10] or '?'}"
    yield "readings", f"{span}, {_known(card.sites)} sites, {_known(card.rows)} rows"
    yield "refit", card.refit or "none: it ships as judged"
    yield "inputs", _lines(card.inputs)
    yield "outputs", _lines(card.outputs)
    yield (
        "runs on",
        f"TensorFlow Lite {card.runtime} or later, LiteRT" if card.runtime else "LiteRT",
    )
    yield "file", f"{card.size / 1024:.0f} KiB, {card.quantization}, sha256 {card.sha256}"
    yield "made", f"{card.made} by run {card.run_id}, code {card.code}"


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _known(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _metrics_table(metrics: Iterable[CardMetric]) -> Table:
    table = Table("metric", "this version", "baseline", "champion before")
    for metric in metrics:
        way = f" ({metric.better} is better)" if metric.better else ""
        values = (metric.value, metric.baseline, metric.champion)
        table.add_row(metric.label + way, *map(_short, values))
    return table


def _parts_table(card: ModelCard) -> Table:
    labels = list(dict.fromkeys(m.label for part in card.parts for m in part.metrics))
    table = Table("part", *labels)
    for part in card.parts:
        values = {metric.label: metric.value for metric in part.metrics}
        table.add_row(printable(part.name), *(_short(values.get(name)) for name in labels))
    return table


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
