"""NILM: what each appliance draws, from mains alone (non-intrusive load monitoring)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import (
    Details,
    Kind,
    ModelSpec,
    Network,
    Option,
    Predictor,
    Progress,
    Trained,
    TrainOptions,
)
from smartwatts_ml.kinds.nilm.settings import NilmSettings, nilm_settings
from smartwatts_ml.scores.scores import Criterion, Floor, Scores

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from smartwatts_ml.configuration import TomlSettings
    from smartwatts_ml.kinds.charts import Chart
    from smartwatts_ml.kinds.nilm.corpus import Corpus
    from smartwatts_ml.readings.base import Readings, SiteSpan

__all__ = ["NilmKind"]

DAY = 86_400
ACTIVATION = ("site", "appliance", "start", "end", "energy_kwh", "mean_w")
ENERGY = ("site", "appliance", "day", "energy_kwh", "measured_h")


class NilmKind(Kind):
    """One network for all appliances of all homes."""

    name = "nilm"
    title = "NILM (appliances from mains)"
    criteria = (
        Criterion("mae_w", "lower", "improve", "MAE"),
        Criterion("f1", "higher", "guard", "F1", tolerance=0.01),
    )
    required_metrics = ("mae_w", "f1", "accuracy")
    prediction_columns = ("timestamp", "consumption", "device_id")
    predict_options = (
        Option("activations", bool, False, f"Write activations instead: {', '.join(ACTIVATION)}."),
        Option("energy", bool, False, f"Write energy by day instead: {', '.join(ENERGY)}."),
    )

    def settings_class(self) -> type[TomlSettings]:
        return NilmSettings

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        """The one model; NILM has no options of its own."""
        return self._spec(nilm_settings().period_s, nilm_settings().window_minutes * 60)

    def spec_of(self, details: Details) -> ModelSpec:
        return self._spec(details["period_s"], details["window"] * details["period_s"])

    def _spec(self, period_s: int, window_s: int) -> ModelSpec:
        return ModelSpec(
            name="nilm",
            kind=self.name,
            file_stem="nilm_model",
            period_s=period_s,
            window_s=window_s,
            holdout_s=7 * DAY,
            channels=None,
        )

    def uses(self, spec: ModelSpec, span: SiteSpan) -> bool:
        """Sub-metered sites alone can teach or judge."""
        return super().uses(spec, span) and len(span.channels) > 1

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained:
        from smartwatts_ml.kinds.nilm.corpus import build_corpus
        from smartwatts_ml.kinds.nilm.network import Grid
        from smartwatts_ml.kinds.nilm.training import fit

        if options.extra:
            raise UsageError(f"the NILM model has no option {', '.join(sorted(options.extra))}")
        settings = nilm_settings()
        grid = Grid.of(settings.period_s, settings.window_minutes)
        progress("reading sub-metered sites", 0.0)
        corpus = build_corpus(readings, settings, grid.window)
        fitted = fit(
            corpus,
            settings,
            grid,
            epochs=options.epochs or settings.epochs,
            batch_size=options.batch_size,
            seed=options.seed,
            progress=progress,
        )
        details = self._details(spec, settings, corpus, grid.window, fitted.cuts)
        return Trained(fitted.network, details, fitted.log, corpus.notes)

    def _details(
        self,
        spec: ModelSpec,
        settings: NilmSettings,
        corpus: Corpus,
        window: int,
        cuts: np.ndarray,
    ) -> Details:
        names = corpus.appliances
        shape = [1, window, len(names)]
        return {
            "kind": self.name,
            "model": spec.name,
            "inputs": [
                {
                    "name": "mains_w",
                    "shape": [1, window, 1],
                    "dtype": "float32",
                    "unit": "W",
                    "period_s": settings.period_s,
                    "missing": "nan",
                }
            ],
            "outputs": [
                {"name": "power_w", "shape": shape, "unit": "W", "channels": list(names)},
                {"name": "on_probability", "shape": shape, "channels": list(names)},
            ],
            "appliances": list(names),
            "window": window,
            "period_s": settings.period_s,
            "on_thresholds_w": _by_name(names, corpus.thresholds),
            "on_cuts": _by_name(names, cuts),
            "durations": {name: found.to_json() for name, found in corpus.durations.items()},
        }

    def baselines(
        self, spec: ModelSpec, details: Details, readings: Readings
    ) -> dict[str, Predictor]:
        from smartwatts_ml.kinds.nilm.baselines import fit_baselines

        return dict(fit_baselines(details, readings))

    def floors(self, details: Details) -> tuple[Floor, ...]:
        """A network that hardly ever says "on" has a smaller MAE than the mean has: F1 has to
        be above what saying "on" at all times gives."""
        return (Floor("f1_gain", "higher", 0.0, 'F1 beyond that of always saying "on"'),)

    def predictor(self, network: Network) -> Predictor:
        from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor

        return NetworkPredictor(network)

    def evaluate(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> dict[str, Scores]:
        """The first predictor's on-thresholds hold for all; its period is everyone's."""
        from smartwatts_ml.kinds.nilm.evaluation import evaluate

        first = next(iter(predictors.values()))
        thresholds = self._thresholds(first.details, readings)
        return evaluate(predictors, readings, spec.period_s, thresholds)

    def _thresholds(self, details: Details, readings: Readings) -> dict[str, float]:
        """Thresholds in W of every appliance that the readings hold."""
        from smartwatts_ml.kinds.nilm.appliances import on_threshold
        from smartwatts_ml.readings.base import MAINS, NO_POWER

        named = {name for span in readings.spans() for name in span.channels}
        return {
            name: on_threshold(name, details["period_s"], None, details["on_thresholds_w"])
            for name in named - {MAINS, *NO_POWER}
        }

    def charts(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> tuple[Chart, ...]:
        from smartwatts_ml.kinds.nilm.charts import charts

        thresholds = self._thresholds(predictors["challenger"].details, readings)
        return charts(predictors, readings, spec.period_s, thresholds)

    def headline(self, sums: np.ndarray) -> dict[str, float]:
        from smartwatts_ml.kinds.nilm.metrics import headline

        return headline(sums)

    def evaluation_figures(self, predictor: Predictor, readings: Readings) -> dict[str, bytes]:
        from smartwatts_ml.kinds.nilm.pictures import activations_figure

        details = predictor.details
        thresholds = self._thresholds(details, readings)
        figure = activations_figure(predictor, readings, details["period_s"], thresholds)
        return {} if figure is None else {"activations": figure}

    def columns(self, **options: Any) -> tuple[str, ...]:
        if options.get("activations") and options.get("energy"):
            raise UsageError("--activations and --energy at once", fix="ask for one of them")
        if options.get("activations"):
            return ACTIVATION
        return ENERGY if options.get("energy") else self.prediction_columns

    def predict(
        self, predictor: Predictor, readings: Readings, **options: Any
    ) -> Iterator[pd.DataFrame]:
        from smartwatts_ml.kinds.nilm import prediction

        framed = {ACTIVATION: prediction.activation_frame, ENERGY: prediction.energy_frame}
        chosen = framed.get(self.columns(**options), prediction.power_frame)
        return prediction.predict(predictor, readings, chosen)

    def sample_inputs(self, details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
        from smartwatts_ml.kinds.nilm.prediction import sample_inputs

        return sample_inputs(details, count, seed)


def _by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}
