"""The plugin that puts the Models page into Airflow's navigation, and lets requests that write take
turns on SQLite."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

__all__ = ["SmartwattsPlugin"]

_PREFIX = "/smartwatts"
_APPLICATION = "smartwatts_airflow.page.app:application"
_TURNS = "smartwatts_airflow.turns:WritersTakeTurns"


class _ModelsPage:
    """The page's application, made at its first request: every process of Airflow loads
    plugins, and only the API server answers requests."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """An ASGI application."""
        await resolve_name(_APPLICATION)()(scope, receive, send)


_BASE = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
_APPS = [{"app": _ModelsPage(), "url_prefix": _PREFIX, "name": "SmartWatts models"}]
_VIEWS = [
    {
        "name": "Models",
        "href": f"{_BASE}{_PREFIX}/",
        "icon": f"{_BASE}{_PREFIX}/static/icon.svg",
        "destination": "nav",
        "url_route": "models",
    }
]
_ON_SQLITE = conf.get("database", "sql_alchemy_conn", fallback="").startswith("sqlite")


def _take_turns(app: Any) -> Any:
    return resolve_name(_TURNS)(app)


class SmartwattsPlugin(AirflowPlugin):
    """What Airflow finds."""

    name = "smartwatts"
    fastapi_apps = _APPS
    external_views = _VIEWS
    fastapi_root_middlewares = (
        [{"middleware": _take_turns, "name": "writers take turns"}] if _ON_SQLITE else []
    )
