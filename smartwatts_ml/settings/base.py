"""How settings are read: ``SMARTWATTS_*`` variables first, then tables of ``smartwatts.toml``
in the working directory, or of the file that ``SMARTWATTS_CONFIG`` names.

Settings that belong together are a nested model (``settings.gate.confidence``); outside of
Python each setting has one flat name all the same: the variable
``SMARTWATTS_GATE_CONFIDENCE``, the key ``gate_confidence`` of the file's table.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

from smartwatts_ml.errors import UsageError

__all__ = [
    "CONFIG_VARIABLE",
    "PREFIX",
    "SettingsGroup",
    "TomlSettings",
    "check_names",
    "read_settings_file",
    "settings_file",
    "settings_origin",
]

PREFIX = "SMARTWATTS_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
"""Names the settings file; without it, that of the working directory is read, if there."""
_SETTINGS_FILE = "smartwatts.toml"


def settings_file() -> Path:
    """Where the settings file is, or would be."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named or _SETTINGS_FILE).expanduser().absolute()


def _find_settings_file() -> Path | None:
    path = settings_file()
    if path.is_file():
        return path
    if os.environ.get(CONFIG_VARIABLE):
        raise UsageError(f"{CONFIG_VARIABLE} names {path}, where no file is")
    return None


def settings_origin() -> str:
    """Where settings come from besides variables, for people to read."""
    path = _find_settings_file()
    return str(path) if path else f"variables alone, no {_SETTINGS_FILE} in {Path.cwd()}"


def read_settings_file() -> dict[str, Any]:
    """The tables of the settings file; none where there is no such file."""
    path = _find_settings_file()
    try:
        return tomllib.loads(path.read_text("utf-8")) if path else {}
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML in UTF-8: {error}") from error


def check_names(what: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise UsageError on the first name that nothing reads, with the one that may be meant."""
    spelt = {name.casefold(): name for name in known}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.casefold(), spelt, n=1)
            fix = f"did you mean {spelt[near[0]]}?" if near else None
            raise UsageError(f"unknown {what} {name}", fix=fix)


class SettingsGroup(BaseModel):
    """Settings that belong together; ``prefix`` begins their names outside."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    prefix: ClassVar[str] = ""


class TomlSettings(BaseSettings):
    """Reads the environment first, then ``table`` of the settings file, if there."""

    table: ClassVar[str]

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """The settings in force; an override, by its name outside, that is not None wins."""
        named = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**cls._nested(named))
        except ValidationError as error:
            raise UsageError(cls._described(error)) from error
        except SettingsError as error:
            raise UsageError(f"{error}: {error.__cause__}", fix="write it as JSON") from error

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The environment variable of each setting."""
        return frozenset(cls._prefix() + name.upper() for name in cls._places())

    @classmethod
    def read_table(cls) -> dict[str, Any]:
        """What the settings file says, as the class's fields. Raises UsageError on a key that
        nothing reads."""
        table = read_settings_file().get(cls.table, {})
        if not isinstance(table, dict):
            raise UsageError(
                f"{settings_origin()}: {cls.table} is no table", fix=f"write [{cls.table}]"
            )
        nested = cls._nested(table)
        check_names(f"key of [{cls.table}] in {settings_origin()}:", table, cls._places())
        return nested

    def named(self) -> dict[str, Any]:
        """Every setting by its name outside."""
        return {name: attrgetter(".".join(at))(self) for name, at in self._places().items()}

    def replaced(self, named: Mapping[str, Any]) -> Self:
        """These settings, but for some, by their names outside."""
        groups = self._groups()
        changed = self._nested(named)
        for name in groups.keys() & changed.keys():
            changed[name] = getattr(self, name).model_copy(update=changed[name])
        return self.model_copy(update=changed)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        groups = {
            name: EnvSettingsSource(
                cast(type[BaseSettings], group), env_prefix=cls._prefix() + group.prefix
            )()
            for name, group in cls._groups().items()
        }
        for variable in map(str.upper, os.environ):
            if variable.startswith(cls._prefix()):
                cls._refuse_group(variable.removeprefix(cls._prefix()).lower())
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=groups),
            InitSettingsSource(settings_cls, init_kwargs=cls.read_table()),
        )

    @classmethod
    def _refuse_group(cls, name: str) -> None:
        """Each setting has one name outside: a group has none."""
        if group := cls._groups().get(name):
            names = ", ".join(group.prefix + inner for inner in group.model_fields)
            raise UsageError(
                f"{name} ({cls._prefix()}{name.upper()}) is no setting",
                fix=f"set each by its own name: {names}",
            )

    @classmethod
    def _prefix(cls) -> str:
        return cls.model_config["env_prefix"]

    @classmethod
    def _groups(cls) -> dict[str, type[SettingsGroup]]:
        return {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, SettingsGroup)
        }

    @classmethod
    def _places(cls) -> dict[str, tuple[str, ...]]:
        """Where each setting stands, by its name outside: ``root`` at ("root",),
        ``gate_confidence`` at ("gate", "confidence")."""
        groups = cls._groups()
        places: dict[str, tuple[str, ...]] = {n: (n,) for n in cls.model_fields if n not in groups}
        for name, group in groups.items():
            places |= {group.prefix + inner: (name, inner) for inner in group.model_fields}
        return places

    @classmethod
    def _nested(cls, named: Mapping[str, Any]) -> dict[str, Any]:
        """Settings by their names outside, as the class's fields; unknown names stay. Raises
        UsageError where a name is that of a group."""
        places = cls._places()
        nested: dict[str, Any] = {}
        for name, value in named.items():
            cls._refuse_group(name)
            *group, field = places.get(name, (name,))
            (nested.setdefault(group[0], {}) if group else nested)[field] = value
        return nested

    @classmethod
    def _described(cls, error: ValidationError) -> str:
        """A clause for each wrong setting, with the variable's name."""
        names: dict[tuple[int | str, ...], str] = {at: n for n, at in cls._places().items()}
        clauses = []
        for fault in error.errors():
            at = fault["loc"]
            name = names.get(at[:2])
            words = (name, *at[2:]) if name else at
            variable = "_".join(map(str, words)).upper()
            clauses.append(f"setting {cls._prefix()}{variable}: {fault['msg']}")
        return "; ".join(clauses)
