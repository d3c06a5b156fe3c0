"""Media types and Accept negotiation, after RFC 9110 sections 5.6, 8.3 and 12.5.1."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode._memo import Memo
from scriptmode.errors import NotAcceptableError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_UTF8 = ("utf-8", "utf8")
_ESSENCE = re.compile(rf"[ \t]*({_TCHARS})(?:/({_TCHARS}))?")
_PARAM = re.compile(rf"[ \t]*;[ \t]*(?:({_TCHARS})[ \t]*=[ \t]*({_TCHARS}|{_QUOTED}))?")
_COMMA = re.compile(r"[ \t]*(?:,[ \t]*)+")
# RFC 9110 wants "0.2"; Java's URLConnection sends "q=.2".
_WEIGHT = re.compile(r"(?:0?\.[0-9]{1,3}|[01](?:\.[0-9]{0,3})?)")
_LONGEST_HEADER = 8192
NO_PARAMS: Mapping[str, str] = MappingProxyType({})


class MediaType(NamedTuple):
    """A media type; everything but parameter values is lower-cased."""

    type: str
    subtype: str
    params: Mapping[str, str] = NO_PARAMS

    @property
    def essence(self) -> str:
        """``type/subtype``, without parameters."""
        return f"{self.type}/{self.subtype}"

    @property
    def suffix(self) -> str | None:
        """What follows the last plus of the subtype (RFC 6838): ``json`` of ``geo+json``."""
        _, plus, suffix = self.subtype.rpartition("+")
        return suffix if plus else None

    def __str__(self) -> str:
        params = (f"; {name}={_quote(value)}" for name, value in self.params.items())
        return self.essence + "".join(params)


class MediaRange(NamedTuple):
    """One member of an Accept header: what it covers and how much it is wanted."""

    media_type: MediaType
    quality: float

    def specificity(self, offer: MediaType, understood: frozenset[str]) -> int:
        """How precisely this range names an offer; -1 when it does not cover it.

        A parameter of the range must be one of the offer's own, or one whose name is
        ``understood``: then whoever writes the offer will honour it. ``charset=utf-8`` is
        always honoured, since everything textual is written in it.
        """
        wanted = self.media_type
        if wanted.type not in ("*", offer.type) or wanted.subtype not in ("*", offer.subtype):
            return -1
        for name, value in wanted.params.items():
            own = offer.params.get(name)
            if name == "charset":
                charset = value.lower()
                honoured = charset in _UTF8 if own is None else charset == own.lower()
            else:
                honoured = name in understood or own == value
            if not honoured:
                return -1
        level = (wanted.type != "*") + (wanted.subtype != "*")
        return level + len(wanted.params) if wanted.subtype != "*" else level


class Choice(NamedTuple):
    """The outcome of negotiation: which offer, and the parameters it was asked with."""

    offer: int
    params: Mapping[str, str]


@lru_cache(maxsize=256)
def parse(header: str) -> MediaType:
    """Read a Content-Type.

    Raises:
        UnsupportedMediaTypeError: the header is not a media type.
    """
    parsed = _read(header, 0) if len(header) <= _LONGEST_HEADER else None
    if parsed is None or header[parsed[1] :].strip(" \t") or "*" in parsed[0][:2]:
        raise UnsupportedMediaTypeError(f"Content-Type {header[:80]!r} is not a media type")
    return parsed[0]


@lru_cache(maxsize=256)
def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """Read an Accept header.

    Raises:
        NotAcceptableError: the header is not a list of media ranges.
    """
    if len(header) > _LONGEST_HEADER:
        raise NotAcceptableError(f"Accept is longer than {_LONGEST_HEADER} characters")
    return tuple(_ranges(header))


def unless_any(accept: str | None) -> str | None:
    """An Accept header; None where it leaves the choice, as ``*/*`` and an empty one do."""
    return None if accept is None or accept.strip() in ("", "*/*") else accept


class Offers:
    """What a server can write, in its order of preference.

    Args:
        offers: media types, the preferred one first.
        understood: for each offer, the names of the parameters its writer honours;
            ``charset=utf-8`` is always honoured.
        advertised: how many of the offers an error names; all when absent.
    """

    def __init__(
        self,
        offers: Iterable[str],
        understood: Iterable[frozenset[str]] | None = None,
        advertised: int | None = None,
    ) -> None:
        self._offers = tuple(map(parse, offers))
        self._advertised = advertised
        self._understood = tuple(understood or (frozenset[str]() for _ in self._offers))
        self._choices = Memo(self._negotiate)

    def choose(self, accept: str | None) -> Choice:
        """The best offer for an Accept header: highest quality, then the server's order.

        Raises:
            NotAcceptableError: the header is malformed, or excludes every offer.
        """
        return self._choices[accept]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(map(str, self._offers)), self._understood, self._advertised)

    def _negotiate(self, accept: str | None) -> Choice:
        if accept is None or not accept.strip(" \t,"):
            return Choice(0, NO_PARAMS)
        supported = [str(offer) for offer in self._offers[: self._advertised]]
        try:
            ranges = parse_accept(accept)
        except NotAcceptableError as error:
            raise NotAcceptableError(str(error), supported=supported) from None
        best, best_quality = None, 0.0
        for index in range(len(self._offers)):
            matched = self._match(index, ranges)
            if matched is not None and matched.quality > best_quality:
                best, best_quality = Choice(index, matched.media_type.params), matched.quality
        if best is None:
            raise NotAcceptableError(
                f"Accept {accept[:80]!r} allows none of {', '.join(supported)}",
                supported=supported,
            )
        return best

    def _match(self, index: int, ranges: Iterable[MediaRange]) -> MediaRange | None:
        """The most specific of the ranges that cover an offer decides its quality."""
        offer, understood = self._offers[index], self._understood[index]
        matched, most_specific = None, -1
        for candidate in ranges:
            specificity = candidate.specificity(offer, understood)
            if specificity > most_specific:
                matched, most_specific = candidate, specificity
        return matched


def _ranges(header: str) -> Iterator[MediaRange]:
    position, end = 0, len(header.rstrip(" \t,"))
    leading = _COMMA.match(header)
    position = leading.end() if leading else 0
    while position < end:
        parsed = _read(header, position)
        if parsed is None:
            raise _malformed(header)
        media_type, position = parsed
        yield _range(media_type, header)
        comma = _COMMA.match(header, position)
        if comma is None and position < end:
            raise _malformed(header)
        position = comma.end() if comma else end


def _range(media_type: MediaType, header: str) -> MediaRange:
    if media_type.type == "*" and media_type.subtype != "*":
        raise _malformed(header)
    if "q" not in media_type.params:
        return MediaRange(media_type, 1.0)
    params = dict(media_type.params)
    weight = params.pop("q")
    if not _WEIGHT.fullmatch(weight) or float(weight) > 1:
        raise _malformed(header)
    return MediaRange(media_type._replace(params=MappingProxyType(params)), float(weight))


def _malformed(header: str) -> NotAcceptableError:
    return NotAcceptableError(f"Accept {header[:80]!r} is not a list of media ranges")


def _read(header: str, position: int) -> tuple[MediaType, int] | None:
    """One media type or range from a position on, and where it ends; None when there is none."""
    essence = _ESSENCE.match(header, position)
    if essence is None:
        return None
    kind, subtype = essence.groups()
    if subtype is None:
        if kind != "*":  # Java's URLConnection abbreviates */* so
            return None
        subtype = "*"
    params: dict[str, str] = {}
    position = essence.end()
    while param := _PARAM.match(header, position):
        position = param.end()
        name, value = param.groups()
        if name is None:  # RFC 9110 section 5.6.6 allows an empty parameter
            continue
        if name.lower() in params:
            return None
        params[name.lower()] = _unquote(value)
    return MediaType(kind.lower(), subtype.lower(), MappingProxyType(params)), position


def _quote(value: str) -> str:
    if re.fullmatch(_TCHARS, value):
        return value
    return '"{}"'.format(re.sub(r'(["\\])', r"\\\1", value))


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
