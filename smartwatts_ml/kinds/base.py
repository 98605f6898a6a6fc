"""What a kind of model is. Everything outside ``kinds/`` works through this face alone.

A new kind is one folder below ``kinds/`` whose ``__init__`` defines ``KIND``. Importing
that folder must stay light: heavy libraries are imported inside the methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from smartwatts_ml.scores.scores import Criterion, Floor, Scores

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

    from smartwatts_ml.configuration import TomlSettings
    from smartwatts_ml.kinds.charts import Chart
    from smartwatts_ml.readings.base import Readings, SiteSpan

__all__ = [
    "Details",
    "Kind",
    "ModelSpec",
    "Network",
    "Option",
    "Predictor",
    "Progress",
    "TrainOptions",
    "Trained",
]

Details = dict[str, Any]
"""All that is needed beside the weights to use a network: plain JSON, embedded in every
model file. Keys ``kind``, ``model``, ``inputs`` and ``outputs`` (as in the manifest) are
common; the others are the kind's own (appliances, thresholds, horizon, …)."""

Predictor = Any
"""A kind's own object that turns a site's readings into predictions. Opaque outside."""

Progress = Callable[[str, float], None]
"""Called with a short text ("epoch 3/20, loss 0.12") and the share done in 0..1."""


@dataclass(frozen=True)
class Option:
    """A command-line option that one kind adds, e.g. ``forecast_horizon``."""

    name: str
    type: type
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name in the store and how much time it looks at.

    ``period_s``: seconds of one interval of its input. ``window_s``: the time that one
    training example spans (context and target). ``embargo_s``: the time left out between
    training and holdout, one window of targets; ``None``: ``window_s``. ``holdout_s``: the
    shortest holdout that can judge it. ``channels``: those it reads, ``None`` for all.
    """

    name: str
    kind: str
    file_stem: str
    period_s: int
    window_s: int
    holdout_s: int
    channels: tuple[str, ...] | None = ("mains",)
    embargo_s: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainOptions:
    """How to train. ``None`` means the kind's own setting. ``extra``: its own options."""

    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A trained network. ``log`` has one row an epoch; ``notes`` are for people."""

    network: keras.Model
    details: Details
    log: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...] = ()


class Network(Protocol):
    """Something that computes outputs from inputs: a Keras model or a LiteRT file."""

    details: Details

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays by name, leading axis = windows, float32 in and out."""


class Kind(ABC):
    """A kind of model: how it is trained, judged and used."""

    name: ClassVar[str]
    title: ClassVar[str]
    criteria: ClassVar[tuple[Criterion, ...]]
    required_metrics: ClassVar[tuple[str, ...]]
    """Names that ``headline`` gives; one that is missing or not finite fails the gate."""
    train_options: ClassVar[tuple[Option, ...]] = ()
    predict_options: ClassVar[tuple[Option, ...]] = ()
    prediction_columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def settings_class(self) -> type[TomlSettings]:
        """The kind's settings, environment prefix ``SMARTWATTS_<KIND>_``."""

    @abstractmethod
    def models(self) -> tuple[ModelSpec, ...]:
        """The models that are kept in the store. Light: no heavy import."""

    @abstractmethod
    def spec(self, **options: Any) -> ModelSpec:
        """The model that the kind's train options ask for."""

    def spec_of(self, details: Details) -> ModelSpec:
        """The specification of the model that ``details`` were embedded in."""
        return next(spec for spec in self.models() if spec.name == details["model"])

    def uses(self, spec: ModelSpec, span: SiteSpan) -> bool:
        """Whether a site can teach or judge this model, from what its span says."""
        return "mains" in span.channels and span.native_s <= spec.period_s

    @abstractmethod
    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained:
        """Train on all of ``readings``; early stopping watches its newest part.

        Raises NotEnoughReadingsError, saying what is missing.
        """

    @abstractmethod
    def baselines(
        self, spec: ModelSpec, details: Details, readings: Readings
    ) -> dict[str, Predictor]:
        """The simple methods a challenger has to beat, fitted on training readings."""

    @abstractmethod
    def predictor(self, network: Network) -> Predictor:
        """Wrap a network (with its details) so that it predicts from readings."""

    @abstractmethod
    def evaluate(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> dict[str, Scores]:
        """Score every predictor on the same targets, those from ``score_from`` on.

        Raises NotEnoughReadingsError where nothing can be scored.
        """

    @abstractmethod
    def headline(self, sums: np.ndarray) -> dict[str, float]:
        """Metrics from statistics of shape (n_sites, n_channels, n_stats), NaN where
        undefined. Pure; the gate calls it on bootstrap samples and on slices."""

    def floors(self, details: Details) -> tuple[Floor, ...]:
        """Limits that hold for a challenger with these details, beside the baselines."""
        return ()

    def overlap_weeks(self, spec: ModelSpec) -> int | None:
        """For forecasts: how many weeks one of them spans, which makes the errors of
        neighbouring weeks alike. None: the model does not forecast."""
        return None

    def charts(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> tuple[Chart, ...]:
        """What a run's report shows beside the numbers, all from ``score_from`` on."""
        return ()

    def evaluation_figures(self, predictor: Predictor, readings: Readings) -> dict[str, bytes]:
        """PNG by name: what an evaluation shows beside its numbers."""
        return {}

    def columns(self, **options: Any) -> tuple[str, ...]:
        """Columns that ``predict`` gives with these of its options."""
        return self.prediction_columns

    @abstractmethod
    def predict(
        self, predictor: Predictor, readings: Readings, **options: Any
    ) -> Iterator[pd.DataFrame]:
        """Predictions as frames in ``columns(**options)``, a site at a time; stamps are
        datetime64[s] in UTC."""

    def remarks(self, readings: Readings) -> list[str]:
        """What a person should know of predictions from these readings, a line each."""
        return []

    @abstractmethod
    def sample_inputs(self, details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
        """Realistic inputs, with missing readings among them, shape (count, …), by name:
        what a converted file's parity and latency are measured on."""
