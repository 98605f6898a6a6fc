"""``smartwatts labels``: how much people have answered."""

from __future__ import annotations

from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.jsontext import plain
from smartwatts_ml.labels.answers import LANDING, count_labels

__all__ = ["labels"]


def labels(root: RootOption = None, as_json: JsonOption = False) -> None:
    """What people answered about their homes: how many yes and no, by appliance.

    From files in landing/labels/; the report of a retraining asks for what would teach most.

    Example: smartwatts labels --json
    """
    objects, _ = open_objects(root, writable=False)
    counts = count_labels(objects)
    if as_json:
        print_json([plain(count) for count in counts])
        return
    if not counts:
        err.print(
            f"no answer yet: put files of them into {objects.uri(LANDING[:-1])}, then run "
            "`smartwatts ingest` (docs/labels.md)",
            soft_wrap=True,
        )
        return
    table = Table("about", "yes", "no", "homes", "changed", box=None)
    for count in counts:
        numbers = (count.yes, count.no, count.homes, count.changed)
        table.add_row(count.appliance, *(f"{number:,}" for number in numbers))
    out.print(table)
