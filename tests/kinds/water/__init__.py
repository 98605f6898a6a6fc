"""A kind of another distribution, for ``test_outside``: the next hour from the last day.

It stands here as files that the test copies; nothing else imports it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic_settings import SettingsConfigDict

from smartwatts_ml.kinds.base import Details, Kind, ModelSpec
from smartwatts_ml.scores.scores import Criterion
from smartwatts_ml.settings.base import TomlSettings

__all__ = ["KIND"]


class WaterSettings(TomlSettings):
    """None."""

    table: ClassVar[str] = "water"
    model_config = SettingsConfigDict(env_prefix="SMARTWATTS_WATER_")


class WaterKind(Kind[Details]):
    """Its work and its trainer are modules beside it."""

    name = "water"
    title = "next hour of water"
    work_name = "water.work:WORK"
    trainer_name = "water.trainer"
    settings_class = WaterSettings
    criteria = (Criterion("wape", "lower", "improve", "WAPE"),)
    required_metrics = ("wape",)
    prediction_columns = ("device_id", "timestamp", "consumption")

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        return ModelSpec("water", self.name, "water_model", 3600, 25 * 3600, 7 * 86_400)


KIND = WaterKind()
