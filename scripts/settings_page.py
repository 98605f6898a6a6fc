"""``make docs``: docs/settings.md from the descriptions of the settings themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from smartwatts_ml.kinds import kinds
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.base import SettingsGroup, TomlSettings

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
_HEAD = """# Settings

Each is an environment variable, or a key of `smartwatts.toml`: `SMARTWATTS_GATE_CONFIDENCE` is
`gate_confidence` below `[smartwatts]`, `SMARTWATTS_NILM_EPOCHS` is `epochs` below `[nilm]`. A
variable wins over the file, an option of a command over both. A misspelt one is an error that
names the right one. The file is the one in the working directory, or the one that
`SMARTWATTS_CONFIG` names, for a worker or a task that starts elsewhere; task logs and
`smartwatts ingest --explain` say which was read. Credentials and endpoint of an S3
root are boto3's own (`AWS_ENDPOINT_URL_S3`, profiles, roles), or of an
[Airflow connection](airflow.md#s3-by-a-connection). This page is written by `make docs`.
"""


def page() -> str:
    """The whole page."""
    tables = [_table("All kinds", Settings)]
    tables += [_table(name, kind.settings_class) for name, kind in sorted(kinds().items())]
    return "\n".join([_HEAD, *tables])


def _table(title: str, settings: type[TomlSettings]) -> str:
    prefix = settings.model_config["env_prefix"]
    lines = [f"## {title}", "", "| variable | default | |", "|---|---|---|"]
    for name, field in _fields(settings):
        text = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{(prefix + name).upper()}` | {_default(field)} | {text} |")
    return "\n".join([*lines, ""])


def _fields(settings: type[TomlSettings]) -> Iterator[tuple[str, FieldInfo]]:
    """A class's own, then those that it shares."""
    own = settings.__annotations__
    for name, field in sorted(settings.model_fields.items(), key=lambda item: item[0] not in own):
        group = field.annotation
        if isinstance(group, type) and issubclass(group, SettingsGroup):
            for inner, part in group.model_fields.items():
                yield group.prefix + inner, part
        else:
            yield name, field


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    return "" if value in (PydanticUndefined, None, "") else f"`{value}`"


if __name__ == "__main__":
    sys.exit(not PAGE.write_text(page()))
