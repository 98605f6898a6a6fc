"""Settings of one kind: ``SMARTWATTS_<KIND>_*``, or its table in the TOML file."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.errors import UsageError
from smartwatts_ml.settings import TomlSettings, describe

__all__ = ["KindSettings"]


class KindSettings(TomlSettings):
    """A kind's own settings; it names its ``table`` and its ``env_prefix``."""

    model_config = SettingsConfigDict(extra="forbid")

    @classmethod
    def in_force(cls, **overrides: Any) -> Self:
        """The settings in force, less what ``overrides`` has and is not None. Raises
        UsageError, naming the setting."""
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise UsageError(describe(error, cls.model_config["env_prefix"])) from error
