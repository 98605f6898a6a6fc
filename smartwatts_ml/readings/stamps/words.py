"""Words in timestamps: months in several languages, and what zones are ahead of UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from smartwatts_ml.timezones import is_utc, words_of

__all__ = ["DOUBTFUL_ZONES", "language_of", "month_numbers", "months_like", "zone_minutes"]

_LANGUAGES: Mapping[str, str] = {
    "English": "jan january, feb february, mar march, apr april, may, jun june, jul july, "
    "aug august, sep september sept, oct october, nov november, dec december",
    "German": "jan januar jän jänner, feb februar, mär märz mrz, apr april, mai, jun juni, "
    "jul juli, aug august, sep september sept, okt oktober, nov november, dez dezember",
    "French": "janv janvier jan, févr février fév fevr fevrier, mars mar, avr avril, mai, juin, "
    "juil juillet, août aout, sept septembre sep, oct octobre, nov novembre, "
    "déc décembre dec decembre",
    "Dutch": "jan januari, feb februari, mrt maart, apr april, mei, jun juni, jul juli, "
    "aug augustus, sep september sept, okt oktober, nov november, dec december",
    "Spanish": "ene enero, feb febrero, mar marzo, abr abril, may mayo, jun junio, jul julio, "
    "ago agosto, sep septiembre sept, oct octubre, nov noviembre, dic diciembre",
    "Italian": "gen gennaio, feb febbraio, mar marzo, apr aprile, mag maggio, giu giugno, "
    "lug luglio, ago agosto, set settembre, ott ottobre, nov novembre, dic dicembre",
    "Portuguese": "jan janeiro, fev fevereiro, mar março, abr abril, mai maio, jun junho, "
    "jul julho, ago agosto, set setembro, out outubro, nov novembro, dez dezembro",
    "Swedish": "jan januari, feb februari, mar mars, apr april, maj, jun juni, jul juli, "
    "aug augusti, sep september sept, okt oktober, nov november, dec december",
    "Danish": "jan januar, feb februar, mar marts, apr april, maj, jun juni, jul juli, "
    "aug august, sep september sept, okt oktober, nov november, dec december",
    "Norwegian": "jan januar, feb februar, mar mars, apr april, mai, jun juni, jul juli, "
    "aug august, sep september sept, okt oktober, nov november, des desember",
}
_ZONES: Mapping[str, int] = (
    dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0)
    | dict.fromkeys(("CET", "MEZ", "WEST"), 60)
    | dict.fromkeys(("CEST", "MESZ", "EET", "SAST"), 120)
    | dict.fromkeys(("EEST", "MSK"), 180)
    | {"AWST": 480, "JST": 540, "KST": 540, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660}
    | {"NZST": 720, "NZDT": 780, "EDT": -240, "CDT": -300, "MDT": -360, "PST": -480, "PDT": -420}
    | {"AKST": -540, "AKDT": -480, "HST": -600}
)
"""Minutes that a clock is ahead of UTC, where a word stands for one clock only."""
DOUBTFUL_ZONES: Mapping[str, tuple[str, ...]] = {
    "EST": ("America/New_York", "America/Panama"),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "MST": ("America/Denver", "America/Phoenix"),
    "BST": ("Europe/London",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "AST": ("America/Halifax", "America/Puerto_Rico"),
    "SST": ("Pacific/Pago_Pago",),
    "ECT": (),
    "PYT": (),
}
"""Words that stand for clocks of several countries, and zones that use them."""


@cache
def _months() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    return {
        language: tuple(tuple(month.split()) for month in words.split(","))
        for language, words in _LANGUAGES.items()
    }


@cache
def month_numbers() -> Mapping[str, int]:
    """The month of each word, in lower case.

    >>> month_numbers()["märz"], month_numbers()["ago"]
    (3, 8)
    """
    return {
        word: number
        for months in _months().values()
        for number, words in enumerate(months, 1)
        for word in words
    }


def language_of(words: Iterable[str]) -> str:
    """The first language that has all of these months.

    >>> language_of(["Jan", "Mai"])
    'German'
    """
    plain = {word.casefold() for word in words}
    for language, months in _months().items():
        if plain <= {word for names in months for word in names}:
            return language
    return "English"


def months_like(word: str, language: str) -> tuple[str, ...]:
    """All months, as long as a word is, and in its case.

    >>> months_like("MAI", "German")[2], months_like("January", "English")[1]
    ('MÄR', 'February')
    """
    months = _months()[language]
    plain = word.casefold()
    place = next((names.index(plain) for names in months if plain in names), 0)
    alike = (names[min(place, len(names) - 1)] for names in months)
    if word.isupper():
        return tuple(name.upper() for name in alike)
    return tuple(name.capitalize() if word[:1].isupper() else name for name in alike)


def zone_minutes(timezone: str) -> dict[str, int]:
    """What a word says a clock is ahead of UTC, in minutes, where the place is known or the
    word is used in one only.

    >>> zone_minutes("America/New_York")["EST"], zone_minutes("UTC").get("EST")
    (-300, None)
    """
    return dict(_ZONES) | ({} if is_utc(timezone) else words_of(timezone))
