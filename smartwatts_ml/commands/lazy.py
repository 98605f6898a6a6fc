"""Groups of verbs whose modules are loaded when a verb runs, not to list what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from smartwatts_ml.commands.paths import PathsCommand

__all__ = ["Verb", "lazy_group"]


@dataclass(frozen=True)
class Verb:
    """``line``: the first line of its help, which it is listed with. ``work``: its function,
    or a Typer application with verbs of its own, as ``module:name``; empty where it has
    ``verbs`` below it. ``panel``: the heading that it is listed under."""

    line: str
    work: str = ""
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    panel: str | None = None

    def load(self, name: str) -> Any:
        """Its command."""
        work = resolve_name(self.work) if self.work else self._group()
        if isinstance(work, typer.Typer):
            command: Any = get_group(work)
        else:
            single = typer.Typer(add_completion=False)
            single.command(cls=PathsCommand)(work)
            command = get_command(single)
        command.name = name
        return command

    def _group(self) -> typer.Typer:
        return typer.Typer(cls=lazy_group(self.verbs), help=self.line, no_args_is_help=True)


class _LazyGroup(TyperGroup):
    """Lists verbs by what is known of them, and loads the one that is run."""

    verbs: ClassVar[Mapping[str, Verb]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, verb in self.verbs.items():
            self.commands[name] = TyperCommand(name, help=verb.line, rich_help_panel=verb.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command = self.verbs[str(command.name)].load(str(command.name))
        return name, command, rest


def lazy_group(verbs: Mapping[str, Verb]) -> type[TyperGroup]:
    """A class of groups, for ``typer.Typer(cls=…)``, that has these verbs."""
    return type("LazyGroup", (_LazyGroup,), {"verbs": verbs})
