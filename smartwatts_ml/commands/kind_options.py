"""Commands for every kind: common parameters, and those that the kind declares itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from smartwatts_ml.commands.paths import PathsCommand
from smartwatts_ml.kinds.base import Option

__all__ = ["add_command"]


def add_command(
    app: typer.Typer,
    name: str,
    help_text: str,
    body: Callable[..., None],
    extra: Sequence[Option] = (),
) -> None:
    """Register ``body`` as a command with the options in ``extra`` after its own.

    ``body`` takes its own parameters and ``extra``, a dict of the kind's option values by
    name. Typer reads a signature, so one is made that shows them all.
    """
    own = [p for p in inspect.signature(body, eval_str=True).parameters.values()
           if p.name != "extra"]  # fmt: skip
    declared = [_parameter(option) for option in extra]

    def command(**values: Any) -> None:
        chosen = {option.name: values.pop(_python_name(option)) for option in extra}
        body(**values, extra=chosen)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *declared)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    app.command(name, help=help_text, cls=PathsCommand)(command)


def _python_name(option: Option) -> str:
    return f"{option.name}_" if option.name in ("from", "import", "class") else option.name


def _parameter(option: Option) -> inspect.Parameter:
    flag = typer.Option(
        f"--{option.name.replace('_', '-')}",
        help=option.help,
        min=option.minimum if option.type in (int, float) else None,
        max=option.maximum if option.type in (int, float) else None,
        show_default=option.default is not None,
    )
    value_type: Any = option.type if option.default is not None else option.type | None
    return inspect.Parameter(
        _python_name(option),
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[value_type, flag],
    )
