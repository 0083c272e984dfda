"""What a call says: the values to echo, the things and people it names, and how it restricts a listing."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from funcdex_assets.catalog.json_schema import scalars
from funcdex_assets.catalog.names import QUERY_WORDS, ToolName, is_id, is_page_token, resource_noun, words
from funcdex_assets.language.spoken import quoted_part, read_moment
from funcdex_assets.simulation.memory import kind, plain

MAX_ITEMS = 4
WINDOW = timedelta(days=14)  # where a call gives one end of a time span only
_UPPER = frozenset("max before until end to".split())
_LIMITS = frozenset("limit max size results".split())
_TITLES = frozenset("title name summary subject".split())
_TEXTS = frozenset("body content text description message".split())
_PREVIEWS = frozenset("snippet preview excerpt".split())


class Demand:
    """A call, read once.

    echo:       argument values by `plain` name; results repeat them
    identities: identifiers by kind of thing
    addressed:  e-mail addresses of the people it is for, copies excepted
    limit:      how many things a listing shows at most
    further:    it asks for a later page
    window:     the span of time that a listing is restricted to
    makes_new:  its result is about a new thing, not about one that it names
    """

    def __init__(self, name: ToolName, arguments: Mapping[str, Any], now: datetime):
        self.name = name
        self.echo: dict[str, Any] = {}
        self.identities: dict[str, str | int] = {}
        self.addressed: list[str] = []
        self.limit = MAX_ITEMS
        for pointer, value in scalars(dict(arguments)):
            steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
            if steps:
                self._read(steps, value)
        self.echo |= {plain(key): value for key, value in arguments.items() if isinstance(value, list | dict)}
        links = name.action == "create" and kind(name.noun) in self.identities  # ADD_LABEL_TO_EMAIL
        self.makes_new = name.action in ("create", "send", "copy") and not links
        self.further = any(is_page_token(key) for key in arguments)
        self.window = self._window(arguments, now) if self.looks_up else None

    @property
    def looks_up(self) -> bool:
        return self.name.action in ("list", "get")

    @property
    def lists(self) -> bool:
        return self.name.action == "list"

    def concerns(self, noun: str) -> bool:
        """Whether the tool's name speaks of such things."""
        return kind(noun) in {kind(word) for word in self.name.words}

    def sought_title(self) -> str | None:
        """The words that a search asks for, when they could be a title."""
        if not self.lists or self.further:
            return None
        text = next(iter(self._searches()), "")
        return text if len(text.split()) > 1 else None

    def sought_words(self) -> set[str]:
        """Every word that something found must have."""
        return {word for text in self._searches() for word in words(text)}

    def sought_name(self) -> str | None:
        """The name of the person whom a look-up asks for."""
        if not self.looks_up:
            return None
        asked = [self.echo.get(key) for key in ("query", "q", "search", "name")]
        return next(
            (text for text in asked if isinstance(text, str) and text[:1].isupper() and len(text.split()) <= 2), None
        )

    def said_for(self, name: str) -> Any:
        """The argument that a result field repeats: of the same name, or of one that means the same."""
        if (same := self.echo.get(plain(name))) is not None:
            return same
        parts = set(words(name))
        if parts & _PREVIEWS and self.makes_new:
            text = self._text_of(_TEXTS)
            return text[:90] if text else None
        if len(parts) != 1 or self.name.action not in ("create", "update", "send"):
            return None
        return self._text_of(_TITLES) if parts & _TITLES else self._text_of(_TEXTS) if parts & _TEXTS else None

    def _text_of(self, group: frozenset[str]) -> str | None:
        endings = ("name", "title") if group is _TITLES else ("body", "content")
        found = (text for key, text in self.echo.items() if key in group or key.endswith(endings))
        return next((text for text in found if isinstance(text, str)), None)

    def _read(self, steps: list[str], value: Any) -> None:
        last, parts = steps[-1], set(words(steps[-1]))
        self.echo.setdefault(plain(last), value)
        if isinstance(value, str) and "@" in value and not {"cc", "bcc"} & set(words(steps[0])):
            self.addressed.append(value)
        if is_id(last) and isinstance(value, str | int):
            self.identities[kind(resource_noun(last) or self.name.noun)] = value
        if parts & _LIMITS and isinstance(value, int):
            self.limit = max(1, min(value, MAX_ITEMS))

    def _searches(self) -> list[str]:
        return [
            quoted_part(text) or text
            for key, text in self.echo.items()
            if isinstance(text, str) and (key in QUERY_WORDS or "contains" in key or "query" in key)
        ]

    def _window(self, arguments: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime] | None:
        ends: list[datetime | None] = [None, None]
        for key, value in arguments.items():
            moment = read_moment({}, value) if isinstance(value, str) else None
            if isinstance(moment, date) and not isinstance(moment, datetime):
                moment = datetime.combine(moment, now.timetz())
            if isinstance(moment, datetime):
                upper = bool(set(words(key)) & _UPPER)
                ends[upper] = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
        low, high = ends
        if low is None and high is None:
            return None
        low = low or (high or now) - WINDOW
        high = high or low + WINDOW
        return (low, high) if low < high else None
