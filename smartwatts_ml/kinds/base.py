"""What a kind of model is. Everything outside ``kinds/`` works through these faces alone.

A kind is a light card (``Kind``): its name, models, options, criteria. The card names two
values that are loaded when they are first asked for: its ``work`` (``Work``: predicting,
scoring, drawing; numpy and pandas, never TensorFlow), and its ``trainer`` (``Trainer``),
which loads TensorFlow. Whoever only has to know what there is loads neither.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.kinds.details import QUANTIZATIONS, Details
from smartwatts_ml.progress import Progress
from smartwatts_ml.scores.meaning import MetricMeaning
from smartwatts_ml.scores.scores import Criterion, Floor, Scores

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

    from smartwatts_ml.kinds.charts import Chart, Figure, Heatmap
    from smartwatts_ml.kinds.questions import Question
    from smartwatts_ml.readings.base import Readings, SiteSpan
    from smartwatts_ml.scores.parts import PartMetrics
    from smartwatts_ml.settings.base import TomlSettings

__all__ = [
    "Details",
    "Kind",
    "ModelSpec",
    "Network",
    "Option",
    "Progress",
    "Tensor",
    "TrainOptions",
    "Trained",
    "Trainer",
    "Trimmer",
    "Work",
]

_STRICT = "smartwatts_ml.scores.ratios:finite_or_nothing"  # which needs numpy
Tensor = Any
"""A tensor of Keras, in a graph or not."""

_DetailsT = TypeVar("_DetailsT", bound=Details)
_PredictorT = TypeVar("_PredictorT")
"""Whatever turns a site's readings into predictions and can be scored. Opaque outside."""
_NetworkPredictorT = TypeVar("_NetworkPredictorT")
"""The same with a network inside, which can do more: it makes the tables of ``predict``."""


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
    """How to train. ``None`` means the kind's own setting. ``extra``: its own options.
    ``recipe``: that of an earlier training, to go as it went; empty to find out."""

    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained(Generic[_DetailsT]):
    """A trained network. ``log`` has one row an epoch; ``notes`` are for people. ``recipe``:
    what was found on the newest readings, so that a refit can learn those too; plain JSON."""

    network: keras.Model
    details: _DetailsT
    log: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)


class Network(Protocol):
    """Something that computes outputs from inputs: a Keras model or a LiteRT file.
    ``Kind.read_details`` makes values of its details."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Plain JSON; empty where the file has none."""

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays by name, leading axis = windows, float32 in and out."""


class Trainer(Protocol[_DetailsT]):
    """What trains a kind's models, such as the module ``trainer`` of the kind."""

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained[_DetailsT]:
        """Train on all of ``readings``, of which early stopping watches a part, if there is no
        recipe. The network's normalisation is inside the graph: raw W in, missing as NaN.

        Raises NotEnoughReadingsError, saying what is missing.
        """


class Trimmer(Protocol[_DetailsT]):
    """What a trainer has as well where a kind's models have parts."""

    def leave_out(
        self, network: keras.Model, details: _DetailsT, parts: Mapping[str, str]
    ) -> tuple[keras.Model, _DetailsT]:
        """The network without some of its parts, and what its file says: reasons, by part."""


@dataclass(frozen=True)
class Work(Generic[_DetailsT, _PredictorT, _NetworkPredictorT]):
    """What a kind does with trained models, a function for each."""

    predictor: Callable[[Network], _NetworkPredictorT]
    """Wrap a network so that it predicts from readings. Raises BadInputError where its
    details lack something."""
    baselines: Callable[[_DetailsT, Readings], dict[str, _PredictorT]]
    """The simple methods that a challenger has to beat, fitted on training readings."""
    evaluate: Callable[[_DetailsT, Mapping[str, _PredictorT], Readings, int], dict[str, Scores]]
    """Score every predictor, with a seed, on the same targets, those from ``score_from`` on.
    The details are those of the model in question: what they say (horizon, thresholds) holds
    for every predictor. What is scored follows from the truth alone; a prediction that is
    not finite makes a statistic of its block so. Raises NotEnoughReadingsError where nothing
    can be scored."""
    headline: Callable[[np.ndarray], dict[str, float]]
    """Metrics from statistics of shape (n_sites, n_channels, n_stats), NaN where the truth leaves
    one undefined. Pure; the gate calls it on bootstrap samples and on slices. Of a statistic that
    is not finite, as a prediction was not, every metric is NaN."""
    predict: Callable[..., Iterator[pd.DataFrame]]
    """Frames in ``Kind.columns(**options)``, a site at a time; stamps are datetime64[s], UTC."""
    sample_inputs: Callable[[_DetailsT, int, int], dict[str, np.ndarray]]
    """So many realistic inputs from a seed, with missing readings among them, shape (count,
    …), by name: what a converted file's parity and latency are measured on."""
    parts: Callable[[Scores], PartMetrics] = field(default=lambda _: {})
    """Metrics of each part of a model, NaN where the truth says too little of it."""
    charts: Callable[[_DetailsT, Mapping[str, _PredictorT], Readings, int], tuple[Chart, ...]] = (
        field(default=lambda *_: ())
    )
    """What a run's report shows beside the numbers, all from ``score_from`` on."""
    figures: Callable[
        [_DetailsT, _PredictorT, Readings, Scores, int], Mapping[str, Figure | Heatmap]
    ] = field(default=lambda *_: {})
    """What an evaluation of one model shows beside its numbers, by name; by scores and seed."""
    questions: Callable[[_NetworkPredictorT, Readings, int], list[Question]] | None = None
    """So many at most about sites without sub-meters, what teaches most first, if labels do."""
    remarks: Callable[[Readings], list[str]] = field(default=lambda _: [])
    """What a person should know of predictions from these readings, a line each."""


class Kind(ABC, Generic[_DetailsT]):
    """A kind of model: what it is called, what it takes, what it has to achieve."""

    name: ClassVar[str]
    title: ClassVar[str]
    intended_use: ClassVar[str] = ""
    limits: ClassVar[tuple[str, ...]] = ()
    """For cards of versions: what its models are for, and what they do not do, in sentences."""
    work_name: ClassVar[str]
    """Where its ``Work`` is, "module:name"."""
    trainer_name: ClassVar[str]
    """Where its ``Trainer`` is, "module:name", or a module with a function ``train``."""
    settings_class: ClassVar[type[TomlSettings]]
    """The kind's settings, environment prefix ``SMARTWATTS_<KIND>_``."""
    details_class: ClassVar[type[Details]] = Details
    contract: ClassVar[int] = 1
    """The newest agreement of what inputs and outputs mean that it keeps, as the older ones."""
    contract_changes: ClassVar[Mapping[int, str]] = {}
    """For each contract but the first, as a clause, what the one before it had been."""
    criteria: ClassVar[tuple[Criterion, ...]]
    part_criteria: ClassVar[tuple[Criterion, ...]] = ()
    """What each part of a model has to do better than every baseline; those that do not are
    left out of the published file. Empty: its models have no parts."""
    required_metrics: ClassVar[tuple[str, ...]]
    """Names that ``headline`` gives; one that is missing or not finite fails the gate."""
    card_metrics: ClassVar[tuple[str, ...]] = ()  # that cards show too, where measured
    glossary: ClassVar[Mapping[str, MetricMeaning]] = {}
    train_options: ClassVar[tuple[Option, ...]] = ()
    predict_options: ClassVar[tuple[Option, ...]] = ()
    quantizations: ClassVar[tuple[str, ...]] = QUANTIZATIONS
    prediction_columns: ClassVar[tuple[str, ...]]

    @cached_property
    def work(self) -> Work[_DetailsT, Any, Any]:
        """What it does with trained models; loaded when first asked for."""
        work: Work[_DetailsT, Any, Any] = resolve_name(self.work_name)
        return replace(work, headline=resolve_name(_STRICT)(work.headline))

    @cached_property
    def trainer(self) -> Trainer[_DetailsT]:
        """What trains it; loaded when first asked for, and TensorFlow with it."""
        trainer: Trainer[_DetailsT] = resolve_name(self.trainer_name)
        return trainer

    @property
    def trimmer(self) -> Trimmer[_DetailsT]:
        """The trainer of a kind with ``part_criteria``, which leaves parts out as well."""
        return cast("Trimmer[_DetailsT]", self.trainer)

    @abstractmethod
    def models(self) -> tuple[ModelSpec, ...]:
        """The models that are kept in the store."""

    @abstractmethod
    def spec(self, **options: Any) -> ModelSpec:
        """The model that the kind's train options ask for."""

    def read_details(self, embedded: Mapping[str, Any]) -> _DetailsT:
        """The details that a file has embedded. Raises BadInputError where they lack what
        using it needs, or are of a contract that is not known here."""
        details: _DetailsT = self.details_class.read(embedded)  # type: ignore[assignment]
        if details.contract > self.contract:
            raise BadInputError(
                f"it is of contract {details.contract} of {self.title}, and this version knows "
                f"contracts up to {self.contract}",
                fix="install the version of smartwatts-ml that it was made with, or a later one",
            )
        return details

    def older_contract(self, details: _DetailsT) -> str:
        """What to know of a file of an older contract, as a clause; empty where there is none."""
        changes = [self.contract_changes[n] for n in range(details.contract + 1, self.contract + 1)]
        if not changes:
            return ""
        return f"is of contract {details.contract}, now {self.contract}: {'; '.join(changes)}"

    def spec_of(self, details: _DetailsT) -> ModelSpec:
        """The specification of the model that ``details`` were embedded in."""
        for spec in self.models():
            if spec.name == details.model:
                return spec
        raise BadInputError(f"{details.model} is no model of {self.title}")

    def uses(self, spec: ModelSpec, span: SiteSpan) -> bool:
        """Whether a site can teach or judge this model, from what its span says."""
        return "mains" in span.channels and span.fits(spec.period_s)

    def floors(self, details: _DetailsT) -> tuple[Floor, ...]:
        """Limits that hold for a challenger with these details, beside the baselines."""
        return ()

    def part_floors(self, details: _DetailsT) -> tuple[Floor, ...]:
        """Limits that each part has to keep, beside the baselines."""
        return ()

    def overlap_weeks(self, spec: ModelSpec) -> int | None:
        """Of forecasts how many weeks one spans, which makes errors of weeks alike; else None."""
        return None

    def columns(self, **options: Any) -> tuple[str, ...]:
        """Columns that ``predict`` gives with these of its options."""
        return self.prediction_columns

    @classmethod
    def check_options(cls, options: TrainOptions) -> None:
        """Raises UsageError for train options that it does not have."""
        unknown = sorted(set(options.extra) - {option.name for option in cls.train_options})
        if unknown:
            raise UsageError(f"the {cls.name} model has no option {', '.join(unknown)}")
