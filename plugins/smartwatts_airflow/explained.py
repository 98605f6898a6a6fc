"""What each task does and what to do when it fails, as its page in Airflow shows it."""

from __future__ import annotations

__all__ = ["DOCS"]

DOCS = {
    "find_new_files": """
Lists `landing/` and groups files that are new into batches for workers to ingest side by side.

**If it fails:** the root cannot be listed. Check `SMARTWATTS_ROOT` and its credentials, then
clear the task.
""",
    "ingest": """
Adds a batch of landing files to the readings table. Repeating adds nothing.

**If it fails:** the log names file and line, or the store. A file that cannot be read does not
fail this task: it is left and named. `smartwatts ingest --explain FILE` shows what a file is
taken for. Clear the task afterwards.
""",
    "plan": """
Pins the snapshot that every branch reads, and says which models this run retrains.

**Skipped** means that no model has enough new readings, or that other runs have claimed those
that do: its log names them. Of a run that is gone, `smartwatts models release` frees its models.
**If it fails:** the readings table cannot be read; `smartwatts readings stats` says why.
""",
    "train": """
Trains a challenger on the snapshot's training part, in a process of its own, in the pool
`smartwatts_training` and on the queue `training`.

**Skipped** means that there is too little to train on: the map name says what is missing. **If
it fails:** *its process died* mostly means memory: give workers more, or lower the pool's
slots. Clear the task to try again; the champion stays in force meanwhile.
""",
    "validate": """
Judges challenger, champion and baselines on readings that none of them has seen.

**Skipped** means that the champion stays: the map name and the report (button **Report**) say
why. **If it fails:** the champion's file may not verify: `smartwatts models verify`.
""",
    "convert": """
Makes the `.tflite` file and judges the file itself by the same rules.

**Skipped** means that the file was not good enough. **If it fails:** the log says which check;
please report it, with the run's folder in the root.
""",
    "refit": """
Trains the accepted model again, by the same recipe, on everything up to now, in the pool of
`train`. The refitted file ships if it behaves as the judged one does; otherwise the judged one
ships, and the log and the history say why.

**If it fails**, as `train` does, `publish` goes on with the judged file and says why.
`SMARTWATTS_REFIT=false` leaves this out.
""",
    "approve": """
Asks a person whether the model is to be published, where `SMARTWATTS_APPROVAL` names it, and waits
without a worker: tab **Required Actions**. Without an answer within `SMARTWATTS_APPROVAL_HOURS` the
champion stays. Where another champion came into force meanwhile, the challenger is judged again.

**Skipped** means that there is nothing to approve, that the model needs no approval, or that
somebody rejected it: the map name says which. **If it fails:** the log says why; cleared, it asks
again. Set to success by hand it approves nothing: `publish` fails then.
""",
    "publish": """
Makes the file the champion, on the queue `signing`, where the keys are: the next version of the
model's role, then what gateways are told. Emits an event of the asset `smartwatts/<model>`. A
decision to keep the champion is recorded here too.

**If it stays queued:** no worker takes the queue `signing`. **If it fails:** keys or store.
`smartwatts models verify` checks both; then clear the task. Where another champion came into
force since the judgement, the next run judges against that one.
Publishing twice is impossible: a second attempt completes the first.
""",
    "renew": """
Signs the store's timestamp again, whatever was decided, on the queue `signing`, so that gateways
notice a store that stands still. Before that candidates whose step is over are widened, promoted,
or taken back where they lapsed: docs/store.md, “Rings”.

**If it stays queued:** no worker takes the queue `signing`. **If it fails:** gateways refuse a
timestamp after `SMARTWATTS_TIMESTAMP_HOURS` hours:
`smartwatts models verify`, repair, clear the task.
""",
    "look": """
Looks for what somebody has to see to: a damaged store, keys or a timestamp that run out, runs that
are late, silent sites. Each is told the connection `SMARTWATTS_NOTIFY` once, and again while it
stays: critical ones daily, others weekly. Champions that were changed on the command line are told
too, with an event of the asset `smartwatts/<model>`.

**If it fails:** the root cannot be read. Its log, and a message, say why.
""",
    "report": """
Says what was decided, tells the connection `SMARTWATTS_NOTIFY`, makes failed models back off
(an hour, doubling to a day), and fails the run if any model failed.

**If it fails:** its log names each failed model and why; open that model's failed task.
""",
    "weigh": """
Takes new beacons of `landing/beacons/`, and weighs what came since each champion was published:
readings that nobody trained on, and what gateways say. `smartwatts watch --dry-run` says the same.

**If it fails:** the root cannot be read. Its log says why; nothing was changed.
""",
    "take_back": """
Puts the version before in force again where harm is shown, on the queue `signing`, in the name of
`smartwatts watch`, with the evidence as the reason; tells the connection `SMARTWATTS_NOTIFY`.
`SMARTWATTS_FLEET_ROLLBACK=false` leaves that to people, who are told. What a person forced or
rolled back to is never changed.

**If it stays queued:** no worker takes the queue `signing`. **If it fails:** as `rollback`.
""",
    "retrain": """
Starts `retrain_weekly` for a model whose champion has become worse than it was itself; once for
each version.
""",
    "rollback": """
Commits the rollback to the signed history on the queue `signing`, tells gateways, and emits an
event of the asset `smartwatts/<model>`.

**If it fails:** nothing has changed. The log says why: mostly a version that was never in
force, or a file that no longer verifies.
""",
}
