"""What a call says: the values to echo, the things and people it names, and how it restricts a listing."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from funcdex_assets.environment.entity_store import kind, plain
from funcdex_assets.environment.search_queries import Query, read_query, tokens
from funcdex_assets.language.spoken_values import read_moment
from funcdex_assets.language.values import PEOPLE, TITLES
from funcdex_assets.schema.json_pointers import scalars
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import (
    QUERY_WORDS,
    ToolName,
    is_id,
    is_page_token,
    parse_tool_name,
    resource_noun,
)

MAX_ITEMS = 4
WINDOW = timedelta(days=14)  # where a call gives one end of a time span only
_UPPER = frozenset("max before until end to".split())
_LOWER = frozenset("min after since from start".split())
_SPAN_WORDS = _UPPER | _LOWER | frozenset("time date at on day moment timestamp range begin begins starts ends".split())
_LIMITS = frozenset("limit max size results".split())
_SORTS = frozenset("order orderby sort sortby sorting ordering".split())
_DIRECTIONS = {"asc": False, "ascending": False, "desc": True, "descending": True}
_ONLY = frozenset("only is filter by with has add remove".split())
_ONESELF = frozenset("me primary default self".split())  # instead of an identifier
_DETACHES = frozenset("remove detach unassign unlink unshare exclude".split())
_DELETES = frozenset("delete remove trash".split())
_RENDERS = frozenset("export convert".split())
_REVIVES = frozenset("restore undelete untrash recover".split())
_ATTACHABLE = frozenset("label tag attendee collaborator follower watcher participant invitee guest reaction".split())
_NAMING = frozenset("id ids gid uuid key email name".split())
_TITLES = frozenset("title name summary subject".split())
_TEXTS = frozenset("body content text description message plaintext".split())
_WRITTEN = frozenset("text content body markdown".split())
_PLAINLY = frozenset("plain full raw".split())
_TEXT_ENDINGS = ("body", "content", "plaintext", "markdowntext", "bodytext", "textcontent")
_PREVIEWS = frozenset("snippet preview excerpt".split())


class Link(NamedTuple):
    """Something is put on a thing, or taken off: the value is an identifier, a name or an address."""

    on: str
    identity: str
    noun: str
    value: str
    off: bool


class Span(NamedTuple):
    """A span of time asked for; `about` are words of the fields meant (`created`), none for the main ones."""

    about: frozenset[str]
    low: datetime
    high: datetime


class Demand:
    """A call, read once.

    key:        what makes it the same question as another call of the tool
    echo:       argument values by `plain` name; results repeat them
    identities: identifiers by kind of thing; `named` are all, by kind, also those in lists
    roles:      nouns of the identifiers, as they are said
    parents:    identifiers of what the call is within, by kind
    noun:       what the result as a whole is about
    addressed:  e-mail addresses of the people it is for, copies excepted
    limit:      how many things a listing shows at most
    further:    it asks for a later page; `page` is its token
    view:       the kind of the thing that it shows a part or a side of: GET_DOCUMENT_PLAINTEXT shows a document
    window:     the span of time that a listing is restricted to; `spans` are all, by what they are about
    titled:     names of the filters that ask for a title
    sought:     every word that what is found must have; `queries` are the searches as a whole
    excluded:   by field, what a search excludes, in lower case
    makes_new:  its result is about a new thing, not about one that it names
    shortest:   how many minutes something must last at least
    links:      what it puts on a thing, or takes off
    order:      words of the field by which a listing shall be sorted, and whether downwards
    """

    def __init__(self, tool: str, arguments: Mapping[str, Any], now: datetime, key: str = "", most: int = MAX_ITEMS):
        self.tool, self.key = tool, key
        self.name: ToolName = parse_tool_name(tool)
        self.said = arguments
        self.echo: dict[str, Any] = {}
        self.identities: dict[str, str | int] = {}
        self.addressed: list[str] = []
        self.limit = self._most = most
        self.named: list[tuple[str, str]] = []
        self.roles: set[str] = set()
        for pointer, value in scalars(dict(arguments)):
            steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
            if steps:
                self._read(steps, value)
        self.echo |= {plain(key): value for key, value in arguments.items() if isinstance(value, list | dict)}
        own = kind(self.name.noun)
        self.parents = {
            noun: str(identity)
            for noun, identity in self.identities.items()
            if noun != own and str(identity) not in _ONESELF
        }
        self.page = next((str(value) for key, value in arguments.items() if is_page_token(key)), "")
        self.further = any(is_page_token(key) for key in arguments)
        lengths = (value for key, value in self.echo.items() if "duration" in key and _minutes(key, value))
        self.shortest = next(lengths, 0)
        self.links = [] if self.looks_up else list(self._links(arguments))
        on = self.links[0].on if self.links and self.links[0].noun == kind(self.name.noun) else ""
        self.noun = on or self.name.noun
        self.view = self._view()
        self.makes_new = self.name.action in ("create", "send", "copy") and not on and self.name.verb not in _RENDERS
        self.queries = self._queries(now) if self.lists else []
        self.spans = self._spans(arguments, now) if self.looks_up else []
        self.window = self._window() if self.looks_up else None
        self.order = self._order(arguments) if self.lists else None
        self.filters = {key: value for key, value in arguments.items() if self.lists and _filters(key, value)}
        self.excluded: dict[str, str] = {}
        for query in self.queries:
            self.filters |= {key: value for key, value in query.wanted.items() if key not in self.filters}
            self.excluded |= {stem(key): value for key, value in query.excluded.items()}
        asked = [key for key, value in self.filters.items() if isinstance(value, str)]
        self.titled = [key for key in asked if set(words(key)) <= TITLES]
        self.sought = frozenset[str]().union(*(tokens(query.text) for query in self.queries))

    def suppose(self, parameters: Mapping[str, Any]) -> None:
        """What is made without a word of it is made as the tool's definition says."""
        for name, schema in parameters.items() if self.makes_new else ():
            default = schema.get("default") if isinstance(schema, dict) else None
            if isinstance(default, bool | int | float) or (default is not None and "enum" in schema):
                self.echo.setdefault(plain(name), default)

    @property
    def looks_up(self) -> bool:
        return self.name.action in ("list", "get")

    @property
    def lists(self) -> bool:
        return self.name.action == "list"

    @property
    def own(self) -> str | None:
        """The identifier of the one thing that the call names as its object."""
        identity = self.identities.get(kind(self.name.noun))
        return None if identity is None else str(identity)

    @property
    def deletes(self) -> bool:
        return self.name.verb in _DELETES and not self.links and self.own is not None

    @property
    def revives(self) -> bool:
        return self.name.verb in _REVIVES

    def _view(self) -> str:
        if not self.looks_up or self.own is not None or {self.name.noun, kind(self.name.noun)} & PEOPLE:
            return ""
        shown = [noun for noun in self.parents if self.concerns(noun)]
        return shown[0] if len(shown) == 1 else ""

    def concerns(self, noun: str) -> bool:
        """Whether the tool's name speaks of such things."""
        return kind(noun) in {kind(word) for word in self.name.words}

    def sought_title(self) -> str | None:
        """The words that a search asks for, when they could be a title."""
        if not self.lists or self.further:
            return None
        text = self.queries[0].text if self.queries else ""
        return text if len(text.split()) > 1 else None

    @property
    def in_titles(self) -> bool:
        """Whether what is searched for must be in a title."""
        return any(query.in_titles for query in self.queries)

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
            text = self._text_of(_TEXTS, self.echo)
            return text[:90] if text else None
        return None if self.looks_up or self.name.action == "delete" else self.means(name, self.echo)

    def means(self, name: str, told: Mapping[str, Any]) -> str | None:
        """What was told under another name that means the same: `label_name` is the `name` of a label."""
        parts = set(words(name))
        if parts & _TEXTS:
            parts -= _PLAINLY
        if len(parts) != 1 and plain(name) != "plaintext":
            return None
        return (
            self._text_of(_TITLES, told) if parts & _TITLES else self._text_of(_TEXTS, told) if parts & _TEXTS else None
        )

    @property
    def written(self) -> str:
        """The text that the call puts into something."""
        if self.looks_up:
            return ""
        texts = [text for key, text in self.said.items() if isinstance(text, str) and _WRITTEN & set(words(key))]
        return max(texts, key=len, default="")

    def filter_for(self, name: str) -> Any:
        """What a listing asks of the field of this name: by `starred_only` of `starred`, by `label` of `labels`."""
        if not self.filters:
            return None
        field = stem(name)
        return next((value for key, value in self.filters.items() if stem(key) == field), None)

    def _links(self, arguments: Mapping[str, Any]) -> Iterator[Link]:
        """`ADD_LABEL_TO_EMAIL(message_id, label_id, remove_label_ids)`, `REMOVE_ATTENDEE(event_id, attendee_email)`."""
        noun = kind(self.name.noun)
        holders = [
            (other, str(identity))
            for other, identity in self.identities.items()
            if other != noun and str(identity) not in _ONESELF and other != "user"
        ]
        if not holders:
            return
        on, holder = next((pair for pair in holders if self.concerns(pair[0])), holders[0])
        known = noun in self.identities
        loose = bool({noun, self.name.noun} & _ATTACHABLE)
        off = self.name.verb in _DETACHES and loose
        if off or (self.name.action == "create" and (known or loose)):
            for key, value in arguments.items():
                told = [part for part in words(key) if part not in _NAMING]
                if told and kind(singular(told[-1])) == noun and told[0] not in ("remove", "add"):
                    for one in value if isinstance(value, list) else [value]:
                        if isinstance(one, str | int):
                            yield Link(on, holder, noun, str(one), off)
        for key, value in arguments.items():
            first, *rest = words(key)
            if first in ("remove", "add") and rest and isinstance(value, list):
                what = kind(singular(rest[0]))
                for one in value:
                    if isinstance(one, str | int):
                        yield Link(on, holder, what, str(one), first == "remove")

    def _order(self, arguments: Mapping[str, Any]) -> tuple[frozenset[str], bool] | None:
        asked = [
            str(value).lower().split(",")[0]
            for key, value in arguments.items()
            if isinstance(value, str) and _SORTS & set(words(key))
        ]
        downwards, about = None, frozenset[str]()
        for text in sorted(asked, key=len):
            told = set(words(text)) | set(words(text.replace("time", " time").replace("date", " date")))
            downwards = next((_DIRECTIONS[word] for word in sorted(told) if word in _DIRECTIONS), downwards)
            downwards = True if text.startswith("-") else downwards
            about = frozenset(told - _DIRECTIONS.keys()) or about
        return (about, bool(downwards)) if about else None

    def _text_of(self, group: frozenset[str], told: Mapping[str, Any]) -> str | None:
        endings = ("name", "title") if group is _TITLES else _TEXT_ENDINGS
        found = (text for key, text in told.items() if key in group or key.endswith(endings))
        return next((text for text in found if isinstance(text, str)), None)

    def _read(self, steps: list[str], value: Any) -> None:
        last, parts = steps[-1], set(words(steps[-1]))
        self.echo.setdefault(plain(last), value)
        if isinstance(value, str) and "@" in value and not {"cc", "bcc"} & set(words(steps[0])):
            self.addressed.append(value)
        if is_id(last) and isinstance(value, str | int):
            noun = kind(resource_noun(last) or self.name.noun)
            self.identities[noun] = value
            self.named.append((noun, str(value)))
            self.roles.add(resource_noun(last))
        if parts & _LIMITS and isinstance(value, int):
            self.limit = max(1, min(value, self._most))

    def _queries(self, now: datetime) -> list[Query]:
        found: list[Query] = []
        for key, text in self.echo.items():
            if isinstance(text, str) and (key in QUERY_WORDS or "contains" in key or "query" in key):
                query = read_query(text, now)
                titled = key.endswith("contains") and key.startswith(("name", "title", "subject"))
                found.append(query._replace(in_titles=True) if titled else query)
        return found

    def _spans(self, arguments: Mapping[str, Any], now: datetime) -> list[Span]:
        ends: dict[frozenset[str], list[datetime | None]] = {}
        for query in self.queries:
            if query.since or query.until:
                ends[frozenset()] = [query.since, query.until or now]
        for key, value in arguments.items():
            moment = read_moment({}, value) if isinstance(value, str) else None
            if isinstance(moment, date) and not isinstance(moment, datetime):
                moment = datetime.combine(moment, now.timetz())
            if isinstance(moment, datetime):
                said = set(words(key))
                about = frozenset(said - _SPAN_WORDS)
                upper = bool(said & _UPPER)
                ends.setdefault(about, [None, None])[upper] = (
                    moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
                )
        spans: list[Span] = []
        for about, (low, high) in ends.items():
            low = low or (high or now) - WINDOW
            high = high or low + WINDOW
            if low < high:
                spans.append(Span(about, low, high))
        return spans

    def _window(self) -> tuple[datetime, datetime] | None:
        """The span of what a listing is mainly about."""
        main = next((span for span in self.spans if not span.about), None)
        return (main.low, main.high) if main else None


def _minutes(name: str, value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= 480 and not {"hour", "hours", "seconds", "ms"} & set(words(name))


def stem(name: str) -> str:
    """`label_ids`, `labels` and `label` restrict the same field; so do `starred_only` and `starred`."""
    parts = [singular(word) for word in words(name) if word not in _ONLY]
    return "".join(parts[:-1] if len(parts) > 1 and parts[-1] in ("id", "name") else parts)


def _filters(key: str, value: Any) -> bool:
    said = set(words(key))
    if is_page_token(key) or said & (QUERY_WORDS | _LIMITS | _SORTS) or "contains" in said or not said:
        return False
    if isinstance(value, str):
        return not is_id(key) and read_moment({}, value) is None
    return isinstance(value, bool | int | float) or (isinstance(value, list) and bool(value))
