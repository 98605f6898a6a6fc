"""Templates to answers: what every page has, and what no page shows."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from smartwatts_airflow.page.overview import age
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.settings import settings

__all__ = ["page", "part"]

_MOUNTED = "/smartwatts"
"""Where Airflow serves this application, below its own address."""
_HERE = Path(__file__).parent
_SHORTEST_PLACE = 4


def page(request: Request, template: str, code: int = 200, /, **values: Any) -> HTMLResponse:
    """A page from a template, with the code of HTTP that it is answered with."""
    return HTMLResponse(part(request, template, **values), code)


def part(request: Request, template: str, /, **values: Any) -> str:
    """The text of a template."""
    # Where this application is mounted, and Airflow below whatever prefix a proxy gave it.
    base = request.scope.get("root_path", "")
    common = {"base": base, "airflow": base.removesuffix(_MOUNTED), "models": model_names()}
    text = _templates().get_template(template).render(**common, **values)
    return _without_places(text)


@cache
def _templates() -> Any:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    made.filters["age"] = age
    made.filters["code"] = _with_code
    made.filters["minute"] = lambda when: f"{when:%Y-%m-%d %H:%M}"
    made.filters["count"] = lambda value: f"{value:,}"
    made.filters["about"] = lambda value: f"{int(float(f'{value:.2g}')):,}"
    return made


def _with_code(text: str) -> Markup:
    """What stands between backquotes is to be typed.

    >>> _with_code("try `a <b>` & more")
    Markup('try <code>a &lt;b&gt;</code> &amp; more')
    """
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _without_places(text: str) -> str:
    """Where root and keys lie on the server is nobody's business who looks at models: they are
    called by the settings that name them."""
    for place, name in _places():
        text = text.replace(str(escape(place)), name)
    return text


def _places() -> list[tuple[str, str]]:
    """The longest first, as one may lie in another."""
    try:
        current = settings()
    except SmartwattsError:
        return []
    named = {"SMARTWATTS_ROOT": current.root, "SMARTWATTS_KEYS": current.keys}
    places = {}
    for name, place in named.items():
        for form in {place, place if "://" in place else str(Path(place).resolve())}:
            if len(form.rpartition("://")[2]) >= _SHORTEST_PLACE:
                places[form] = name
    return sorted(places.items(), key=lambda item: -len(item[0]))
