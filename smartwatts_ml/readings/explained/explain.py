"""What ingest would take a file for, found out by reading it to its end; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.explained.channels import ChannelSummary, summarise_channel
from smartwatts_ml.readings.explained.columns import ColumnMeaning, guesses, meanings
from smartwatts_ml.readings.explained.doubts import Doubt, find_doubts, open_question
from smartwatts_ml.readings.explained.explanation import Explanation
from smartwatts_ml.readings.explained.facts import facts_of, settings_fact
from smartwatts_ml.readings.files import FileReadings, LocalFile
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.settings import Settings

__all__ = ["explain"]

_REJECTED = 5


class _Witness:
    """What is seen of a file while it is read."""

    def __init__(self) -> None:
        self.scan: FileScan | None = None
        self.parts: list[tuple[Interpretation, Sequence[Sequence[str]]]] = []
        self.rejected: list[Rejected] = []

    def see(self, scan: FileScan, block: ParsedBlock | None) -> None:
        self.scan = scan
        if block is not None:
            if not self.parts or self.parts[-1][0] is not scan.interpretation:
                self.parts.append((scan.interpretation, scan.sample))
            self.rejected += block.rejected[: _REJECTED - len(self.rejected)]

    @property
    def is_understood(self) -> bool:
        """Whether the columns that were seen last are understood, too."""
        return bool(self.parts and self.scan and self.scan.sample is self.parts[-1][1])


def explain(file: LocalFile, settings: Settings) -> Explanation:
    """What ingest would take a file for; of one that it would leave, what is known of it."""
    seen, source = _Witness(), settings.source_of(file.key)
    channels: tuple[ChannelSummary, ...] = ()
    report, refused = None, None
    asked: list[BadInputError] = []
    doubts: list[Doubt] = []
    try:
        with FileReadings([file], settings, watch=seen.see, usable=False) as readings:
            (report,) = readings.report.files
            channels = _channels(readings)
        if not report.accepted:
            refused = f"no usable reading: {report.why_rejected() or 'none has a value'}"
        if seen.scan and seen.scan.mains.may_ask(settings.check_mains):
            question = seen.scan.mains.question()
            refused = refused or (str(question.args[0]) if question else None)
            asked = [*([question] if question else []), *seen.scan.mains.doubts()]
    except BadInputError as error:
        doubts.append(open_question(error))
        refused = doubts[0].problem
    if seen.parts:
        form = seen.parts[0][0]
        doubts += find_doubts(
            form, seen.parts[0][1], file.key, settings, channels, report, seen.rejected, asked
        )
    return Explanation(
        file=str(file.path),
        key=file.key,
        facts=_facts(seen, source.match if source in settings.sources else None, settings),
        columns=_columns(seen),
        channels=channels,
        report=report,
        rejected=tuple(seen.rejected),
        refused=refused,
        doubts=tuple(doubts),
        has_source=source in settings.sources,
    )


def _channels(readings: FileReadings) -> tuple[ChannelSummary, ...]:
    return tuple(
        summarise_channel(span.site, channel, device)
        for span in readings.spans()
        for channel, device in readings.read_devices(span.site).items()
        if len(device.stamps)
    )


def _columns(seen: _Witness) -> tuple[ColumnMeaning, ...]:
    if seen.scan is None:
        return ()
    columns = [column for form, sample in seen.parts for column in meanings(form, sample)]
    if not seen.is_understood:
        columns += guesses(seen.scan.names, seen.scan.sample)
    return tuple(dict.fromkeys(columns))


def _facts(seen: _Witness, match: str | None, settings: Settings) -> dict[str, str]:
    if seen.scan is None:
        return settings_fact(match)
    facts = seen.scan.facts()
    if seen.parts:
        form, sample = seen.parts[0]
        facts = facts_of(form, sample, seen.scan, settings) | facts
    if len(seen.parts) > 1:
        facts["parts"] = f"{len(seen.parts)}, each below a header of its own"
    return facts | settings_fact(match)
