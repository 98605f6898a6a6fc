"""What every kind promises, tested for each kind that is found: a new one is tested at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.jsontext import json_text, parsed, plain
from smartwatts_ml.judging.extremes import check_extremes
from smartwatts_ml.kinds import find_kind, kinds, model_names
from smartwatts_ml.kinds.base import Kind, ModelSpec, Trained, TrainOptions
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.golden import needs_of, serve_vectors
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.holdout import (
    SelectedReadings,
    Split,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.readings.labels import ALERT, Label
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import HoldoutSettings, Settings
from tests.warm import WarmPython

KINDS = list(kinds())
PREDICTED_FROM = {"timestamp", "device_id"}
BRIEF = {
    "NILM_STEPS": 24,
    "NILM_SIMULATED_HOMES": 8,
    "NILM_MEMBERS": 1,
    "FORECASTING_EPOCH_WINDOWS": 512,
    "ANOMALY_INJECTED_WINDOWS": 1000,
    "ANOMALY_NORMAL_HOURS": 1500,
}
"""Settings under which a training is over soon; a new kind that is quick needs none."""


@dataclass(frozen=True)
class Case:
    """A kind's first model, trained briefly on simulated homes."""

    kind: Kind
    spec: ModelSpec
    readings: Readings
    split: Split
    trained: Trained[Any]
    network: KerasNetwork
    file: LiteRTNetwork
    content: bytes


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from smartwatts_ml.simulate import simulate

    folder = tmp_path_factory.mktemp("homes")
    simulate(homes=3, days=75, out=folder, seed=5, submetered=1)
    return folder


@pytest.fixture(scope="session")
def homes(folder: Path) -> Readings:
    from smartwatts_ml.readings.files import FileReadings

    return FileReadings([folder], Settings())


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in BRIEF.items():
            patch.setenv(f"SMARTWATTS_{name}", str(value))
        yield


@pytest.fixture(scope="module")
def case_of(homes: Readings, brief: None) -> Callable[[str], Case]:
    made: dict[str, Case] = {}

    def make(name: str) -> Case:
        if name not in made:
            made[name] = _train(find_kind(name), homes)
        return made[name]

    return make


def _train(kind: Kind, homes: Readings) -> Case:
    spec = kind.models()[0]
    usable = [span for span in homes.spans() if kind.uses(spec, span)]
    split = make_split(usable, HoldoutSettings(days=14), embargo_s=86_400)
    readings = _only(homes, {span.site for span in usable})
    training = training_part(readings, split)
    trained = kind.trainer.train(spec, training, TrainOptions(epochs=2, seed=3), lambda *_: None)
    network = KerasNetwork.from_training(trained)
    samples = kind.work.sample_inputs(trained.details, 32, 0)
    converted = convert_network(network, samples, kind.quantizations[0])
    file = LiteRTNetwork(converted.content)
    return Case(kind, spec, readings, split, trained, network, file, converted.content)


def _only(readings: Readings, sites: set[str]) -> Readings:
    class Only(Readings):
        def spans(self) -> Any:
            return tuple(span for span in readings.spans() if span.site in sites)

        def load(
            self, site: str, period_s: int, channels: Any = None, *, local: bool = False
        ) -> Any:
            return readings.load(site, period_s, channels, local=local)

    return Only()


def test_model_names_are_unique_and_known() -> None:
    assert len(set(model_names())) == len(model_names())
    assert {"nilm", "forecasting_24h", "forecasting_7d", "forecasting_30d", "anomaly"} <= set(
        model_names()
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_says_what_it_is_without_heavy_imports(name: str) -> None:
    kind = find_kind(name)
    assert kind.name == name and kind.title
    assert [c.role for c in kind.criteria].count("improve") == 1
    assert all(spec.kind == name for spec in kind.models())
    assert set(kind.prediction_columns) >= PREDICTED_FROM
    defaults = {option.name: option.default for option in kind.train_options}
    assert kind.spec(**defaults).kind == name


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_is_described_and_has_the_kinds_prefix(name: str) -> None:
    settings = find_kind(name).settings_class
    assert settings.model_config["env_prefix"] == f"SMARTWATTS_{name.upper()}_"
    assert settings.model_config["extra"] == "forbid"
    assert all(field.description for field in settings.model_fields.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_details_are_complete_json_and_name_the_file_s_inputs(
    case_of: Callable[[str], Case], name: str
) -> None:
    import json

    case = case_of(name)
    details = case.trained.details
    assert json.loads(json.dumps(details.to_json())) == details.to_json() == case.file.details
    assert case.kind.read_details(case.file.details) == details
    assert (details.kind, details.model) == (name, case.spec.name)
    samples = case.kind.work.sample_inputs(details, 2, 0)
    assert [tensor.name for tensor in details.inputs] == list(samples)
    assert {tensor.name for tensor in details.outputs} == set(case.file(samples))
    for tensor in details.inputs:
        assert tensor.shape == (1, *samples[tensor.name].shape[1:])
    assert case.kind.spec_of(details) == case.spec


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_keras_file_opens_as_the_network_that_was_trained(
    case_of: Callable[[str], Case], name: str
) -> None:
    from smartwatts_ml.modelfiles.keras_files import load_keras

    network = case_of(name).network
    opened = load_keras(keras_file(network), "kept.keras")
    assert opened.details == network.details
    samples = case_of(name).kind.work.sample_inputs(case_of(name).trained.details, 4, 1)
    found = opened(samples)
    for output, values in network(samples).items():
        np.testing.assert_allclose(found[output], values, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_file_fits_the_gateway(case_of: Callable[[str], Case], name: str) -> None:
    assert len(case_of(name).content) <= 256 * 1024


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_file_has_small_golden_vectors_and_passes_them(
    case_of: Callable[[str], Case], name: str
) -> None:
    content = case_of(name).content
    needs = needs_of(content)
    assert needs == needs_of(content)
    assert needs.least and needs.operators and len(needs.vectors) == 2
    assert len(json_text(needs)) < 12_000
    (worst,) = serve_vectors(content, "it", plain(needs))
    assert worst.share < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_any_missing_readings_give_finite_outputs(
    case_of: Callable[[str], Case], name: str
) -> None:
    case = case_of(name)
    samples = case.kind.work.sample_inputs(case.trained.details, 4, 1)
    first = next(iter(samples))
    samples[first][0] = np.nan
    samples[first][1, ::2] = np.nan
    samples[first][2] = 0
    for output in case.file(samples).values():
        assert np.isfinite(output).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_systems_are_scored_on_the_same_targets_together_or_alone(
    case_of: Callable[[str], Case], name: str
) -> None:
    case = case_of(name)
    holdout = holdout_part(case.readings, case.split, 1 << 30)
    training = training_part(case.readings, case.split)
    baselines = case.kind.work.baselines(case.trained.details, training)
    assert baselines
    details = case.trained.details
    challenger = {"challenger": case.kind.work.predictor(case.network)}
    together = case.kind.work.evaluate(details, challenger | baselines, holdout, 7)
    alone = case.kind.work.evaluate(
        details, {"challenger": case.kind.work.predictor(case.file)}, holdout, 7
    )
    for scores in (*together.values(), *alone.values()):
        _assert_scores(case, scores)
        assert np.array_equal(scores.sites, together["challenger"].sites)
        assert np.array_equal(scores.weeks, together["challenger"].weeks)
        assert scores.channels == together["challenger"].channels
    by_keras = case.kind.work.headline(site_sums(together["challenger"]))
    by_file = case.kind.work.headline(site_sums(alone["challenger"]))
    metric = case.kind.criteria[0].metric
    assert by_file[metric] == pytest.approx(by_keras[metric], rel=0.1, abs=0.02)


def _assert_scores(case: Case, scores: Scores) -> None:
    kind = case.kind
    assert scores.sums.shape == (len(scores.sites), len(scores.channels), len(scores.stats))
    assert np.isfinite(scores.sums).all()
    metrics = {**kind.work.headline(site_sums(scores)), **scores.extra}
    floors = kind.floors(case.trained.details)
    asked = {c.metric for c in kind.criteria} | {floor.metric for floor in floors}
    assert set(kind.required_metrics) | asked <= set(metrics)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_file_can_leave_a_part_out_and_says_so(case_of: Callable[[str], Case], name: str) -> None:
    case = case_of(name)
    kind, details = case.kind, case.trained.details
    holdout = holdout_part(case.readings, case.split, 1 << 30)
    whole = kind.work.evaluate(details, {"whole": kind.work.predictor(case.file)}, holdout, 7)
    parts = kind.work.parts(whole["whole"])
    if not parts:
        pytest.skip("its first model has no parts")
    assert kind.part_criteria and all(
        criterion.metric in metrics
        for criterion in kind.part_criteria
        for metrics in parts.values()
    )
    absent = {sorted(set(parts) - details.lacks(parts))[0]: "it was not learned"}
    model, said = kind.trimmer.leave_out(case.network.model, details, absent)
    network = KerasNetwork(model, said.to_json())
    samples = kind.work.sample_inputs(said, 32, 0)
    file = LiteRTNetwork(convert_network(network, samples, kind.quantizations[0]).content)
    assert kind.read_details(file.details) == said and said.left_out == absent
    assert check_extremes(kind, file).passed
    for tensor in said.outputs:
        assert file(samples)[tensor.name].shape[1:] == tensor.shape[1:]
    frames = list(kind.work.predict(kind.work.predictor(file), case.readings))
    assert frames and not any(frame.isna().any().any() for frame in frames)
    alone = kind.work.evaluate(said, {"file": kind.work.predictor(file)}, holdout, 7)["file"]
    assert alone.targets == whole["whole"].targets
    assert np.isfinite(kind.work.headline(site_sums(alone))[kind.criteria[0].metric])


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_what_people_said_moves_no_score(case_of: Callable[[str], Case], name: str) -> None:
    case = case_of(name)
    holdout = holdout_part(case.readings, case.split, 1 << 30)
    span, hour = holdout.spans()[0], np.timedelta64(1, "h")
    start = case.split.holdout_start[span.site] + 30 * hour
    labels = [
        Label(span.site, about, start, start + 6 * hour, yes)
        for about in (ALERT, *span.channels)
        for yes in (True, False)
    ]
    answered = SelectedReadings(holdout, holdout.spans(), labels=labels)
    system = {"challenger": case.kind.work.predictor(case.file)}
    before, after = (
        case.kind.work.evaluate(case.trained.details, system, readings, 7)["challenger"]
        for readings in (holdout, answered)
    )
    assert np.array_equal(before.sums, after.sums) and before.targets == after.targets
    assert {n: after.extra[n] for n in before.extra} == before.extra
    assert after.extra.keys() - before.extra.keys() <= case.kind.glossary.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_what_it_asks_is_about_the_homes_at_hand(
    case_of: Callable[[str], Case], homes: Readings, name: str
) -> None:
    case = case_of(name)
    if case.kind.work.questions is None:
        pytest.skip("it learns from no labels")
    bare = [span for span in homes.spans() if not case.kind.uses(case.spec, span)]
    assert bare
    readings = SelectedReadings(homes, bare)
    asked = case.kind.work.questions(case.kind.work.predictor(case.file), readings, 3)
    spans = {span.site: span for span in bare}
    assert len(asked) <= 3
    for question in asked:
        span = spans[question.site]
        assert span.start <= question.start < question.end <= span.end
        assert 0 < question.probability < 1 and question.energy_kwh > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_its_charts_survive_the_run_and_can_be_drawn(
    case_of: Callable[[str], Case], name: str
) -> None:
    import json

    from smartwatts_ml.kinds.charts import Chart
    from smartwatts_ml.reports.svg import panel

    case = case_of(name)
    holdout = holdout_part(case.readings, case.split, 1 << 30)
    training = training_part(case.readings, case.split)
    systems = {
        "challenger": case.kind.work.predictor(case.network),
        "champion": case.kind.work.predictor(case.file),
        **case.kind.work.baselines(case.trained.details, training),
    }
    charts = case.kind.work.charts(case.trained.details, systems, holdout, 7)
    assert charts
    for chart in charts:
        assert plain(parsed(Chart, json.loads(json_text(chart)))) == plain(chart)
        assert chart.title and chart.caption and chart.panels
        for one in chart.panels:
            assert any(line.role == "challenger" for line in one.lines) or one.spans
            ys = [line.y for line in one.lines] + [band.low for band in one.bands]
            assert all(len(y) == len(one.x) > 1 for y in ys)
            assert all(any(value is not None for value in line.y) for line in one.lines)
            assert "nan" not in panel(one).lower()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_predictions_have_the_declared_columns_and_no_hole(
    case_of: Callable[[str], Case], name: str
) -> None:
    case = case_of(name)
    frames = list(case.kind.work.predict(case.kind.work.predictor(case.file), case.readings))
    predicted = pd.concat(frames)
    assert list(predicted.columns) == list(case.kind.prediction_columns)
    assert not predicted.isna().any().any()
    assert not predicted.duplicated(
        [c for c in ("device_id", "issued_at", "timestamp") if c in predicted]
    ).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_file_predicts_and_is_measured_without_tensorflow(
    case_of: Callable[[str], Case],
    folder: Path,
    tmp_path: Path,
    warm_smartwatts: WarmPython,
    name: str,
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(case_of(name).content)
    code = (
        "import sys; from smartwatts_ml.commands.cli import app\n"
        "kind, model, folder, out = sys.argv[1:]\n"
        "for words in (\n"
        "    ('predict', kind, '--input', folder, '--output', f'{out}/P.csv'),\n"
        "    ('evaluate', kind, '--test-data', folder, '--output-dir', f'{out}/E'),\n"
        "):\n"
        "    try: app([*words, '--model-path', model])\n"
        "    except SystemExit as done: assert not done.code, done.code\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    said = warm_smartwatts.output(code, name, str(model), str(folder), str(tmp_path))
    assert said.splitlines()[-1] == "[]"
    assert (tmp_path / "P.csv").stat().st_size > 0 and any((tmp_path / "E").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_two_trainings_with_one_seed_give_the_same_model(
    case_of: Callable[[str], Case], name: str
) -> None:
    case = case_of(name)
    training = training_part(case.readings, case.split)
    again = case.kind.trainer.train(
        case.spec, training, TrainOptions(epochs=2, seed=3), lambda *_: None
    )
    samples = case.kind.work.sample_inputs(case.trained.details, 16, 2)
    second = KerasNetwork.from_training(again)(samples)
    for output, values in case.network(samples).items():
        np.testing.assert_allclose(second[output], values, rtol=1e-3, atol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_no_readings_is_a_clear_error(homes: Readings, name: str) -> None:
    kind = find_kind(name)
    with pytest.raises(NotEnoughReadingsError):
        kind.trainer.train(
            kind.models()[0], _only(homes, set()), TrainOptions(epochs=1), lambda *_: None
        )
