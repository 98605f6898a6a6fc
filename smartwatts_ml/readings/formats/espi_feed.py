"""An ESPI feed, parsed as it goes by: what it says of meters, and its readings.

Nothing is held but the element that is open; entities and document types are forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import create_parser

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content

__all__ = ["Entry", "parse_feed"]

_DEEPEST = 64
_LONGEST_TEXT = 1 << 12
_LONGEST_TAG = 1 << 20
_READING = "IntervalReading"
_KINDS = frozenset({"ReadingType", "MeterReading", "UsagePoint", "IntervalBlock"})
_NESTED = frozenset({"timePeriod", "ReadingQuality", "ServiceCategory", "interval"})
_FEED = frozenset({"feed", "entry", *_KINDS, "ServiceStatus", "BatchList"})


@dataclass
class Entry:
    """An entry of the feed, or one of its readings: ``kind`` is its element, ``values`` the texts
    within; ``links``: its own address, the one above, those of others. ``line`` is where it
    begins."""

    kind: str
    line: int
    values: dict[str, str] = field(default_factory=dict)
    own: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)


class _Handler(ContentHandler):
    """``done``: entries and readings that came to their end; a block comes before its readings."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Entry] = []
        self.root = ""
        self._depth = 0
        self._links = Entry("", 0)
        self._open: Entry | None = None
        self._reading: Entry | None = None
        self._text: list[str] = []
        self._length = 0
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802
        self._locator = locator

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802
        element = name[1]
        self.root = self.root or element
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SAXException(f"elements inside of each other, more than {_DEEPEST}")
        self._text, self._length = [], 0
        if element == "entry":
            self._links = Entry("", 0)
        elif element == "link":
            self._link(attrs)
        elif element in _KINDS:
            links = self._links
            line = self._locator.getLineNumber()
            self._open = Entry(element, line, {}, links.own, links.up, links.related)
            if element == "IntervalBlock":
                self.done.append(self._open)
        elif element == _READING:
            self._reading = Entry(_READING, self._locator.getLineNumber())

    def _link(self, attrs: Any) -> None:
        relation = attrs.get((None, "rel"), "")
        address = attrs.get((None, "href"), "")[:_LONGEST_TEXT].rstrip("/")
        if relation == "self":
            self._links.own = address
        elif relation == "up":
            self._links.up = address
        elif relation == "related" and len(self._links.related) < _DEEPEST:
            self._links.related.append(address)

    def characters(self, content: str) -> None:
        self._length += len(content)
        if self._length <= _LONGEST_TEXT:
            self._text.append(content)

    def endElementNS(self, name: Any, qname: Any) -> None:  # noqa: N802
        element = name[1]
        self._depth -= 1
        inside = self._reading or self._open
        if element == _READING and self._reading is not None:
            self.done.append(self._reading)
            self._reading = None
        elif element in _KINDS and self._open is not None:
            if element != "IntervalBlock":
                self.done.append(self._open)
            self._open = None
        elif inside is not None and element not in _NESTED and len(inside.values) < _DEEPEST:
            inside.values.setdefault(element, "".join(self._text).strip())
        self._text = []


def parse_feed(content: Content) -> Iterator[Entry]:
    """Entries and readings in the order of the feed. Raises BadInputError where it is none."""
    handler = _Handler()
    parser = create_parser(forbid_dtd=True)
    parser.setFeature(feature_namespaces, True)
    handler.setDocumentLocator(parser)
    parser.setContentHandler(handler)
    idle = 0
    try:
        for piece in content.pieces():
            for start in range(0, len(piece), _LONGEST_TAG):
                part = piece[start : start + _LONGEST_TAG]
                parser.feed(part)
                idle = 0 if handler.done else idle + len(part)
                if idle > 16 * _LONGEST_TAG:
                    raise SAXException("16 MiB without a reading")
                if handler.root and handler.root not in _FEED:
                    raise _not_espi(content, handler.root)
                yield from handler.done
                handler.done.clear()
        parser.close()
        yield from handler.done
    except DefusedXmlException as error:
        raise BadInputError(
            f"{content.name} has a document type or entities, which no feed needs: {error}",
            fix="ask for a Green Button file as the standard has it",
        ) from error
    except SAXParseException as error:
        raise BadInputError(
            f"{content.name}, line {error.getLineNumber()}: no well-formed XML: "
            f"{error.getMessage()}",
            fix="copy it again, whole",
        ) from error
    except (LookupError, ValueError) as error:  # of codecs
        raise BadInputError(
            f"{content.name} says that it is in an encoding that is not read: {error}",
            fix="save it as UTF-8",
        ) from error
    except SAXException as error:
        raise BadInputError(f"{content.name}: {error}", fix="ask for it as CSV") from error


def _not_espi(content: Content, root: str) -> BadInputError:
    return BadInputError(
        f"{content.name} is XML, but no Green Button feed (its first element is {root[:80]})",
        fix="ask for Green Button (ESPI), or for CSV",
    )
