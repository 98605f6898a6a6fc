"""Pages from the templates of this folder: one file each, without scripts, fonts or requests."""

from __future__ import annotations

import math
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

__all__ = ["number", "page"]

_PAGES = Environment(
    loader=PackageLoader("smartwatts_ml.reports", "."),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: Any) -> str:
    """The HTML of a template; what is not ``Markup`` in its values is text."""
    return _PAGES.get_template(template).render(**values)


def number(value: float, form: str = ".4g") -> str:
    """A number in a cell.

    >>> number(0.12345), number(0.5, "+.1%"), number(float("nan"))
    ('0.1235', '+50.0%', '–')
    """
    return f"{value:{form}}" if math.isfinite(value) else "–"
