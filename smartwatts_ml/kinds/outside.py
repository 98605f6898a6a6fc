"""Kinds of other distributions: what each has to be so that it spoils no other."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint

from smartwatts_ml.kinds.base import Details, Kind, ModelSpec
from smartwatts_ml.names import is_model
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.base import PREFIX, TomlSettings

__all__ = ["load_kind"]

_TYPES = {
    "name": str,
    "title": str,
    "work_name": str,
    "trainer_name": str,
    "criteria": tuple,
    "required_metrics": tuple,
    "prediction_columns": tuple,
    "train_options": tuple,
    "predict_options": tuple,
}
_CLASSES = {"settings_class": TomlSettings, "details_class": Details}


def load_kind(entry: EntryPoint, others: Iterable[Kind]) -> Kind:
    """The kind that an entry point names, beside those that there are. Raises TypeError or
    ValueError on one that lacks something or takes what is another's, or whatever its import
    raises."""
    kind, others = entry.load(), tuple(others)
    if not isinstance(kind, Kind):
        raise TypeError(f"{entry.value} is no Kind but {kind!r}")
    _check_attributes(kind)
    _check_names(kind, others)
    _check_settings(kind, others)
    return kind


def _check_attributes(kind: Kind) -> None:
    for name, expected in _TYPES.items():
        if not isinstance(getattr(kind, name, None), expected):
            raise TypeError(f"it has no {name}, a {expected.__name__}")
    for name, base in _CLASSES.items():
        value = getattr(kind, name, None)
        if not (isinstance(value, type) and issubclass(value, base)):
            raise TypeError(f"it has no {name}, a {base.__name__}")


def _check_names(kind: Kind, others: tuple[Kind, ...]) -> None:
    """A kind's name and those of its models name commands, folders and settings."""
    if kind.name in {other.name for other in others}:
        raise ValueError(f"there is a kind {kind.name!r} already")
    models, taken = kind.models(), {spec.name for other in others for spec in other.models()}
    if not all(isinstance(spec, ModelSpec) for spec in models):
        raise TypeError("its models() are no ModelSpec")
    for name in (kind.name, *(spec.name for spec in models)):
        if not is_model(name):
            raise ValueError(f"{name!r} is no name of a kind or model")
    for spec in models:
        if spec.name in taken:
            raise ValueError(f"there is a model {spec.name} already")
        taken.add(spec.name)


def _check_settings(kind: Kind, others: tuple[Kind, ...]) -> None:
    """No table and no variable means something to two."""
    own, prefix = kind.settings_class, f"{PREFIX}{kind.name.upper()}_"
    if own.model_config.get("env_prefix") != prefix:
        raise ValueError(f"the prefix of its settings is not {prefix}")
    if any(name.startswith(prefix) for name in Settings.variables()):
        raise ValueError(f"there are settings {prefix}* already")
    if not isinstance(getattr(own, "table", None), str):
        raise ValueError("its settings name no table")
    classes: list[type[TomlSettings]] = [Settings, *(other.settings_class for other in others)]
    for taken in classes:
        if own.table == taken.table:
            raise ValueError(f"there is a table {own.table!r} of settings already")
        for name in sorted(own.variables() & taken.variables()):
            raise ValueError(f"there is a setting {name} already")
