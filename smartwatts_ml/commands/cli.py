"""The verbs of the ``smartwatts`` command: where each is, and the line that lists it."""

from __future__ import annotations

from pkgutil import resolve_name

import typer

from smartwatts_ml import __version__
from smartwatts_ml.commands.lazy import Verb, lazy_group
from smartwatts_ml.stages.order import STAGES

__all__ = ["WORK", "app"]

WORK = {
    "approve": (
        "one_stage:approve",
        "Say as a person that a run's accepted models may be published, or not, in your name.",
    ),
    "convert": (
        "convert:convert",
        "Convert a Keras file to .tflite, or the challengers of a run, whose files are judged "
        "again.",
    ),
    "ingest": ("readings:ingest", "Add the files in landing/ that are new to the readings."),
    "publish": (
        "one_stage:publish",
        "Publish a run's accepted files as new versions; a rejected one is recorded as such.",
    ),
    "train": (
        "train:app",
        "Train a model on files, or on a root's readings as a stage of a run.",
    ),
    "refit": (
        "one_stage:refit",
        "Train a run's accepted models again on everything up to now, and compare.",
    ),
    "validate": (
        "one_stage:validate",
        "Judge a run's challengers against champion and baselines on the holdout.",
    ),
    "retrain": (
        "retrain:retrain",
        "Ingest, train, validate, convert, refit and publish: all stages, for all models or some.",
    ),
    "evaluate": (
        "predict:evaluate_app",
        "Measure a model file on labelled or sub-metered readings.",
    ),
    "predict": ("predict:predict_app", "Write a model file's predictions for readings, as CSV."),
    "fleet": (
        "fleet:fleet",
        "Which versions run where, who is behind, who is silent, who failed to load.",
    ),
    "labels": (
        "labels:labels",
        "What people answered about their homes: how many yes and no, by appliance.",
    ),
    "watch": (
        "watch:watch",
        "Weigh what came since each champion was published; one that does harm is taken back.",
    ),
    "models list": (
        "models:list_models",
        "The champion of each model: version, since when, by whom, and its file.",
    ),
    "models show": (
        "models:show",
        "One version: what it was trained on, what it takes and gives, why it was accepted.",
    ),
    "models history": (
        "models:history",
        "Every change of champion and candidate, oldest first, all signatures verified.",
    ),
    "models rollback": (
        "models:rollback",
        "Put a version that was in force before in force again, under a new serial.",
    ),
    "models rollout": (
        "rollout:app",
        "Candidates, which some gateways take first: which are out, to more, back, in force.",
    ),
    "models pull": (
        "pull:pull",
        "Copy what is in force into a folder, verified from a trusted root; no going back.",
    ),
    "models inspect": (
        "inspect:inspect",
        "What a .tflite file says of itself: inputs, outputs, embedded metadata.",
    ),
    "models check": (
        "check:check",
        "Run a .tflite file on other releases of LiteRT, beside what it computes on this one.",
    ),
    "models replay": (
        "judging:replay",
        "Repeat the judgement of a run offline: same snapshot, files, settings and seed.",
    ),
    "models renew": (
        "upkeep:renew",
        "Sign the timestamp again, so that gateways go on to believe the store.",
    ),
    "models release": (
        "claims:release",
        "Let other runs retrain models that a run which is gone has claimed.",
    ),
    "models verify": (
        "upkeep:verify",
        "Check every digest, signature and serial of the store; exit code 4 if any is wrong.",
    ),
    "models prune": (
        "upkeep:prune",
        "Remove old versions: never the champion, nor what was in force lately, nor any history.",
    ),
    "readings stats": (
        "readings:stats",
        "Totals, and each device's span, spacing and coverage, from metadata alone.",
    ),
    "readings sites": (
        "sites:sites",
        "Each site and its pseudonym: what reports, messages and histories call it.",
    ),
    "readings clocks": (
        "clocks:clocks",
        "By whose clock each site lives: hours, days and weeks of models are on it.",
    ),
    "readings reread": (
        "reread:reread",
        "Read files of landing/ again, in the place of what the readings have of them.",
    ),
    "readings export": (
        "readings:export",
        "Write one site's readings, resampled, as CSV (UTC, mean W).",
    ),
    "readings compact": (
        "retention:compact",
        "Join small files of the same month. Ingest does it by itself where many lie together.",
    ),
    "readings drop": ("retention:drop", "Take readings of old months out of the table."),
    "readings vacuum": (
        "retention:vacuum",
        "Delete files of the table that neither its newest snapshot nor any run needs.",
    ),
    "readings quality": (
        "quality:quality",
        "What is missing and what is implausible, by device. Nothing is ever dropped.",
    ),
    "keys init": (
        "keys:init",
        "The ceremony of a new store: its keys, its first root, and who may sign which model.",
    ),
    "keys add-model": (
        "keys:add_model",
        "Let more models be published. Needs the private keys of root.",
    ),
    "keys rotate": (
        "key_changes:rotate",
        "Replace an online key without a gap: gateways verify what they meet at any moment.",
    ),
    "keys revoke": (
        "key_changes:revoke",
        "Trust a key no more that is lost or known to others; a new one takes its place.",
    ),
    "keys renew-offline": (
        "key_changes:renew_offline",
        "Sign root and targets again before their two years are over. Needs root's private keys.",
    ),
    "keys recover": (
        "key_changes:recover",
        "After a theft of online keys: new ones, and what was signed here last is in force again.",
    ),
    "keys list": (
        "keys:list_keys",
        "The keys of each role, how many have to sign, and which are here.",
    ),
    "keys trust": (
        "keys:trust",
        "Trust the store of another machine, by the root of its ceremony or a later one.",
    ),
    "keys show": (
        "keys:show",
        "The root that this machine trusts, for gateways and for `keys trust`.",
    ),
    "simulate": (
        "simulate:simulate",
        "Write simulated homes as CSV.gz, a folder a home, a file a month.",
    ),
    "import refit": (
        "importing:refit",
        "REFIT: a folder of CLEAN_House<N>.csv or raw House_<N>.csv files, or one of them.",
    ),
    "import ukdale": (
        "importing:ukdale",
        "UK-DALE: the folder with house_1 to house_5, each with labels.dat and channel_<k>.dat.",
    ),
    "import redd": (
        "importing:redd",
        "REDD: the folder low_freq with house_1 to house_6, each with labels.dat and channels.",
    ),
    "import iawe": (
        "importing:iawe",
        "iAWE: the folder with electricity/1.csv to 12.csv, a meter each.",
    ),
    "import eco": (
        "importing:eco",
        "ECO: the folder with 01_sm_csv, 01_plugs_csv, … unpacked, a file a day and meter.",
    ),
    "import ideal": (
        "importing:ideal",
        "IDEAL: the folder with home<n>_…_electric-….csv.gz, a file a sensor.",
    ),
    "import enertalk": (
        "importing:enertalk",
        "ENERTALK: the folder with 00 to 21, each with a folder a day of Parquet files.",
    ),
    "import nilmtk-h5": (
        "importing:nilmtk_h5",
        "NILMTK: an HDF5 file of any data set that NILMTK has a converter for.",
    ),
}
"""Each verb's function below ``commands/``, loaded when the verb runs, and the first line of
its help."""

_CHECK = "smartwatts_ml.environment:check_environment"
"""Done before a verb, not before a list of verbs: settings take half a second to load."""

_GROUPS = {
    "models": "Versions of the models: list, show, roll back, pull, inspect, verify, prune.",
    "readings": "The readings that are kept: totals, sites, export.",
    "keys": "Who may sign: the ceremony, replacing keys, trust. The folder is SMARTWATTS_KEYS.",
    "import": "Turn public data sets (REFIT, UK-DALE, IDEAL, …) into files for landing/.",
}

_PANELS = {
    "The stages of a retraining, in their order": (
        *(stage.name for stage in STAGES if stage.name in WORK),
        "retrain",
    ),
    "Using models": ("evaluate", "predict", "simulate", "import"),
    "What is kept": ("models", "readings", "labels", "fleet", "watch", "keys"),
}


def _verb(name: str, panel: str | None = None) -> Verb:
    if name in WORK:
        function, line = WORK[name]
        return Verb(line, f"smartwatts_ml.commands.{function}", panel=panel)
    below = [full for full in WORK if full.startswith(f"{name} ")]
    verbs = {full.removeprefix(f"{name} "): _verb(full) for full in below}
    return Verb(_GROUPS[name], verbs=verbs, panel=panel)


app = typer.Typer(
    name="smartwatts",
    cls=lazy_group({n: _verb(n, panel) for panel, names in _PANELS.items() for n in names}),
    help="Keeps the TensorFlow Lite models of a home-energy gateway fresh: readings in, "
    "better models out, signed and versioned.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smartwatts {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    resolve_name(_CHECK)()
