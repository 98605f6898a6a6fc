"""NILM: what each appliance draws, from mains alone (non-intrusive load monitoring)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import Kind, ModelSpec, Option
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.glossary import GLOSSARY
from smartwatts_ml.kinds.nilm.layout import ACTIVATION, ENERGY, POWER
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.scores.scores import Criterion, Floor

if TYPE_CHECKING:
    from smartwatts_ml.readings.base import SiteSpan

__all__ = ["NilmKind"]

_DAY_S = 86_400
_BEYOND_ALWAYS_ON = Floor("f1_gain", "higher", 0.0, 'F1 beyond that of always saying "on"')


class NilmKind(Kind[NilmDetails]):
    """One network for all appliances of all homes."""

    name = "nilm"
    title = "NILM (appliances from mains)"
    intended_use = (
        "Estimates on a home's gateway what each appliance draws and when, from mains alone."
    )
    limits = (
        "It knows the appliances of its outputs alone; what draws like one is taken for it.",
        "Behind solar power or a battery that is not metered apart, appliances are hidden.",
        "Of samples over two minutes, what runs for less than half of one is not told.",
        "An estimate: not for bills, nor to tell that something is safely off.",
    )
    work_name = "smartwatts_ml.kinds.nilm.work:WORK"
    trainer_name = "smartwatts_ml.kinds.nilm.trainer"
    settings_class = NilmSettings
    details_class = NilmDetails
    glossary = GLOSSARY
    criteria = (
        Criterion("mae_w", "lower", "improve", "MAE"),
        Criterion("f1", "higher", "guard", "F1", tolerance=0.01),
    )
    part_criteria = (
        Criterion("f1", "higher", "guard", "F1"),
        Criterion("mae_w", "lower", "guard", "MAE"),
    )
    required_metrics = ("mae_w", "f1", "accuracy")
    prediction_columns = POWER
    predict_options = (
        Option("activations", bool, False, f"Write activations instead: {', '.join(ACTIVATION)}."),
        Option(
            "energy",
            bool,
            False,
            "Write energy by day instead, of appliances, base_load and other: "
            f"{', '.join(ENERGY)}.",
        ),
    )

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        """The one model; NILM has no options of its own."""
        settings = NilmSettings.load()
        return self._spec(settings.period_s, settings.window_s)

    def spec_of(self, details: NilmDetails) -> ModelSpec:
        return self._spec(details.period_s, details.window * details.period_s)

    def _spec(self, period_s: int, window_s: int) -> ModelSpec:
        return ModelSpec(
            name="nilm",
            kind=self.name,
            file_stem="nilm_model",
            period_s=period_s,
            window_s=window_s,
            holdout_s=7 * _DAY_S,
            channels=None,
        )

    def uses(self, spec: ModelSpec, span: SiteSpan) -> bool:
        """Sub-metered sites alone can teach or judge."""
        return super().uses(spec, span) and len(span.channels) > 1

    def floors(self, details: NilmDetails) -> tuple[Floor, ...]:
        """A network that hardly ever says "on" has a smaller MAE than the mean has: F1 has to
        be above what saying "on" at all times gives."""
        return (_BEYOND_ALWAYS_ON,)

    def part_floors(self, details: NilmDetails) -> tuple[Floor, ...]:
        return (_BEYOND_ALWAYS_ON,)

    def columns(self, **options: Any) -> tuple[str, ...]:
        if options.get("activations") and options.get("energy"):
            raise UsageError("--activations and --energy at once", fix="ask for one of them")
        if options.get("activations"):
            return ACTIVATION
        return ENERGY if options.get("energy") else POWER
