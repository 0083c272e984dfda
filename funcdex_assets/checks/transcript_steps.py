"""Reads the calls of a transcript for `relations.py`: what each does, about what, and what its result shows.

Belongs here: words of names, moments, the things in a result and their identifiers. Nothing is shared with the
simulated world or with the other rules: names of tools and fields are read by the word lists below, for any service.

>>> split_name("getUserOrders"), read_tool_name("getUserOrders")
(('get', 'user', 'orders'), ('read', ('user', 'order')))
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.tool import Tool


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERBS = {
    "read": "get list search find fetch read query retrieve lookup browse count describe check",
    "create": "create add send post reply insert make schedule upload register forward submit publish log invite",
    "update": "update edit patch modify change set rename reschedule",
    "delete": "delete trash destroy erase purge remove",
    "restore": "restore undelete untrash recover",
    "other": "mark move assign close reopen complete cancel copy duplicate clone fork archive unarchive react quick "
    "transition finalize refund pay transfer approve reject merge replace append start stop turn adjust adopt split "
    "withdraw confirm decline resolve suspend resume activate deactivate",
}
_ACTION_OF_VERB = {verb: action for action, verbs in _VERBS.items() for verb in verbs.split()}
_VERBS_IF_FIRST = {"book": "create", "order": "create", "open": "create", "view": "read", "show": "read"}
_PREPOSITIONS = word_set("by for in from of to on with as at into")
_PLAIN_NOUNS = word_set("detail info information item data result entry record value object row hit match all metadata")
_ID_WORDS = word_set("id gid uuid uri key guid")
PLACEHOLDERS = word_set("me self primary default root current all any none both everything *")
_PAGE_WORDS = word_set("token cursor offset skip page")
_LIMIT_WORDS = word_set("limit max maximum size count top take row per page result item number num of entry record")
TEXT_WORDS = word_set("text body message content comment description note")
NAME_WORDS = word_set("title name subject summary label headline heading")
SENT_TO_WORDS = word_set("to recipient")
MOMENT_WORDS = word_set("date time at on datetime day moment timestamp")
PAST_WORDS = word_set("created sent received posted uploaded registered joined added")
CHANGE_WORDS = word_set("updated modified edited changed")
LOW_WORDS = word_set("from since after min minimum start starting")
HIGH_WORDS = word_set("to until before max maximum end ending till")
UNIT_WORDS = word_set("format unit currency locale language lang fields view expand timezone zone mode")
CALL_WORDS = word_set("include exclude show hide without not verbose notify notification query q search keyword fields")
PASSING_WORDS = word_set(
    "score rank relevance snippet preview excerpt distance age ago position index token etag role access permission "
    "response url link expires read unread seen"
)  # of fields that depend on who looks, how and when
STATE_WORDS = word_set(
    "status state stage version last updated modified edited changed count total number progress num"
)
DROPPED_WORDS = word_set("deleted trashed cancelled canceled removed archived void")
PARTS = word_set(
    "message comment event email mail thread file task attachment subtask reply order invoice payment booking "
    "appointment document child reaction ticket transaction"
)  # things that only calls put into something new
_MAX_DEPTH = 4
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # a day before and after them is in the calendar, too
CLOCK_TOLERANCE = timedelta(hours=6)  # a transcript has no clock but its beginning
_MIN_ID_LENGTH, _MIN_PREFIX_LENGTH = 3, 10  # characters


@lru_cache(65_536)
def split_name(name: str) -> tuple[str, ...]:
    """Returns the words of a name in lower case."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name))


@lru_cache(65_536)
def _singularize(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@lru_cache(65_536)
def split_singular(name: str) -> tuple[str, ...]:
    return tuple(map(_singularize, split_name(name)))


@lru_cache(16_384)
def read_tool_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Returns what a tool does (`other` where no verb tells), and the words of what it does that to."""
    words = split_name(name)
    verb_at = next((at for at, word in enumerate(words) if word in _ACTION_OF_VERB), None)
    action = _ACTION_OF_VERB[words[verb_at]] if verb_at is not None else "other"
    if words and words[0] in _VERBS_IF_FIRST:
        verb_at, action = 0, _VERBS_IF_FIRST[words[0]]
    noun: list[str] = []
    for word in words[(verb_at if verb_at is not None else -1) + 1 :]:
        if word in _PREPOSITIONS:
            break
        noun.append(_singularize(word))
    while len(noun) > 1 and noun[-1] in _PLAIN_NOUNS:
        noun.pop()
    return action, tuple(noun or map(_singularize, words[:verb_at]))


@lru_cache(65_536)
def parse_moment(text: str) -> datetime | date | None:
    """Returns the moment that an ISO text names, a day without a time as a date; None for any other text."""
    if not re.match(r"\d{4}-\d\d-\d\d(?:$|[T ]\d\d:\d\d)", text):
        return None
    try:
        moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def read_moment(value: Any) -> datetime | date | None:
    """Returns the moment of a field, also where an object holds it (`{"dateTime": …}`)."""
    if isinstance(value, dict) and len(value) <= 3:
        return next((moment for part in value.values() if (moment := read_moment(part)) is not None), None)
    return parse_moment(value) if isinstance(value, str) else None


def is_before(earlier: datetime | date, later: datetime | date, slack: timedelta = timedelta(0)) -> bool:
    """Returns whether a moment lies before another one for sure; days and times without offset have a day's slack."""
    if isinstance(earlier, datetime) and isinstance(later, datetime):
        if (earlier.tzinfo is None) == (later.tzinfo is None):
            return earlier < later - slack
        earlier, later = earlier.replace(tzinfo=None), later.replace(tzinfo=None)
        return earlier < later - slack - timedelta(days=1)
    days = (_to_day(earlier), _to_day(later))
    is_mixed = isinstance(earlier, datetime) != isinstance(later, datetime)
    return days[0] < days[1] - timedelta(days=slack.days + is_mixed)


def _to_day(moment: datetime | date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def agree(first: Any, second: Any) -> bool:
    """Returns whether two values may be the same one, told in two ways."""
    if first in (None, "") or second in (None, "") or isinstance(first, bool) != isinstance(second, bool):
        return True
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) < 1e-6
    one, other = (" ".join(str(value).split()).lower() for value in (first, second))
    if one == other:
        return True
    moments = read_moment(str(first)), read_moment(str(second))
    if moments[0] is not None and moments[1] is not None:
        return not is_before(moments[0], moments[1]) and not is_before(moments[1], moments[0])
    one, other = sorted((one.rstrip(". …"), other.rstrip(". …")), key=len)
    return len(one) >= _MIN_PREFIX_LENGTH and other.startswith(one)


class Thing(NamedTuple):
    """An object in a result; `identities` are its own, empty if it has none. `listed_in` is the pointer of its list."""

    fields: dict[str, Any]
    pointer: str
    noun: tuple[str, ...]
    identities: tuple[str, ...]
    listed_in: str | None
    depth: int

    @property
    def key(self) -> tuple[str, str]:
        return self.noun[-1] if self.noun else "", self.identities[0]


@dataclass(frozen=True)
class Step:
    """A call with its result; `asked_at` is the message of the call, `at` that of the result."""

    call: ToolCall
    asked_at: int
    at: int
    content: Any
    failed: bool
    tool: Tool | None

    @cached_property
    def action(self) -> str:
        return read_tool_name(self.call.name)[0]

    @cached_property
    def noun(self) -> tuple[str, ...]:
        return read_tool_name(self.call.name)[1]

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        return self.call.arguments if isinstance(self.call.arguments, dict) else {}

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        return self.tool.parameters.get("properties", {}) if self.tool else {}

    @cached_property
    def things(self) -> list[Thing]:
        found: list[Thing] = []
        _collect_things(self.content, "", self.noun, None, 0, found)
        return found

    @cached_property
    def argument_ids(self) -> dict[str, str]:
        """Identifiers in the arguments by the argument's name."""
        return {
            name: str(value)
            for name, value in self.arguments.items()
            if is_id_name(name) and isinstance(value, str | int) and str(value) not in PLACEHOLDERS
        }

    @cached_property
    def argument_texts(self) -> frozenset[str]:
        """All scalars in the arguments, as texts."""
        return frozenset(str(value) for value in iterate_scalars(self.arguments))

    @cached_property
    def result_ids(self) -> frozenset[str]:
        """The own identifiers of all things in the result."""
        return frozenset(identity for thing in self.things for identity in thing.identities)

    @cached_property
    def call_verb(self) -> str:
        """The word of the tool's name that tells what it does, empty if none does."""
        words = split_name(self.call.name)
        if words and words[0] in _VERBS_IF_FIRST:
            return words[0]
        return next((word for word in words if word in _ACTION_OF_VERB), "")

    @property
    def toolkit(self) -> str:
        return self.tool.toolkit if self.tool else ""

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the names of tool and arguments."""
        return frozenset(split_singular(self.call.name)).union(*map(split_singular, _iterate_names(self.arguments)))

    @cached_property
    def subject(self) -> Thing | None:
        """The one thing that the result is about, of the tool's noun if it has one."""
        single = [thing for thing in self.things if thing.listed_in is None and thing.identities and thing.depth <= 1]
        return next((thing for thing in single if thing.noun[-1:] == self.noun[-1:]), None)

    @cached_property
    def created(self) -> Thing | None:
        """The thing that the call made: its identifier is not among the arguments."""
        is_new = self.action == "create" and self.subject and not set(self.subject.identities) & self.argument_texts
        return self.subject if is_new else None

    @cached_property
    def items(self) -> list[Thing]:
        """The items of the list that a look-up returns, empty where several may be meant."""
        pointers = list(dict.fromkeys(thing.listed_in for thing in self.things if thing.depth <= 2 and thing.listed_in))
        outer = [pointer for pointer in pointers if not any(part.isdigit() for part in pointer.split("/"))]
        if self.action != "read" or len(outer) != 1:
            return []
        return [thing for thing in self.things if thing.listed_in == outer[0]]

    @cached_property
    def limit(self) -> int | None:
        """The number of items asked for or declared as the default; None if neither says."""
        declared = {name: value.get("default") for name, value in self.parameters.items() if isinstance(value, dict)}
        for name, value in {**declared, **self.arguments}.items():
            words = set(split_singular(name)) - set(self.noun)
            is_limit = words and words <= _LIMIT_WORDS and words & word_set("limit max maximum size count top take per")
            if is_limit and isinstance(value, int) and not isinstance(value, bool):
                return value
        return None

    @cached_property
    def page_argument(self) -> Any:
        return next((value for name, value in self.arguments.items() if is_page_name(name)), None)

    @cached_property
    def next_token(self) -> Any:
        """The token of the next page, None where there is none."""
        for holder in (self.content, *(value for value in _values(self.content) if isinstance(value, dict))):
            for name, value in holder.items() if isinstance(holder, dict) else ():
                words = set(split_name(name))
                is_token = ("next" in words and words & (_PAGE_WORDS | {"link"})) or words == {"page", "token"}
                if is_token and isinstance(value, str | int) and not isinstance(value, bool) and value:
                    return value
        return None

    @cached_property
    def says_more(self) -> bool:
        """Returns whether a flag says that there are more items."""
        return any(value is True for value in self._more_flags)

    @cached_property
    def says_no_more(self) -> bool:
        """Returns whether a flag says that these are all items."""
        return any(value is False for value in self._more_flags)

    @cached_property
    def _more_flags(self) -> list[Any]:
        holders = [self.content, *_values(self.content)]
        return [
            value
            for holder in holders
            if isinstance(holder, dict)
            for name, value in holder.items()
            if "more" in split_name(name)
        ]

    def find_holder(self, pointer: str) -> Mapping[str, Any]:
        """Returns the object that has the list at a pointer, empty if none has."""
        holder = self.content
        for part in pointer.split("/")[1:-1]:
            holder = holder.get(part, {}) if isinstance(holder, dict) else {}
        return holder if isinstance(holder, dict) else {}

    @cached_property
    def is_whole_listing(self) -> bool:
        """Returns whether the items are all that there are of the parents named, as far as names tell."""
        is_plain = all(
            is_id_name(name) or is_page_name(name) or set(split_singular(name)) <= _LIMIT_WORDS or is_sort_name(name)
            for name in self.arguments
        )
        is_full = self.limit is not None and len(self.items) >= self.limit
        return self.action == "read" and is_plain and not is_full and not self.next_token and self.page_argument is None


def _collect_things(
    value: Any, pointer: str, noun: tuple[str, ...], listed_in: str | None, depth: int, found: list[Thing]
) -> None:
    if isinstance(value, dict):
        found.append(Thing(value, pointer, noun, _list_own_ids(value, noun), listed_in, depth))
        for name, part in value.items() if depth < _MAX_DEPTH else ():
            if part and isinstance(part, dict | list):
                words = split_singular(name)
                part_noun = noun if not words or words[-1] in _PLAIN_NOUNS or words[-1] == "page" else words
                _collect_things(part, f"{pointer}/{name}", part_noun, None, depth + 1, found)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            if isinstance(part, dict):
                _collect_things(part, f"{pointer}/{number}", noun, pointer or "/", depth, found)


def _list_own_ids(fields: Mapping[str, Any], noun: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        str(value)
        for name, value in fields.items()
        if is_id_name(name)
        and isinstance(value, str | int)
        and len(str(value)) >= _MIN_ID_LENGTH
        and split_singular(name)[:-1] in ((), noun, noun[-1:])
    )


def iterate_scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for part in _values(value):
            yield from iterate_scalars(part)
    else:
        yield value


def _iterate_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for part in _values(value):
        yield from _iterate_names(part)


def _values(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()


@lru_cache(65_536)
def is_id_name(name: str) -> bool:
    """Returns whether a field holds an identifier."""
    return bool(split_name(name)) and split_name(name)[-1] in _ID_WORDS


@lru_cache(65_536)
def is_page_name(name: str) -> bool:
    """Returns whether an argument says where a page begins."""
    words = split_name(name)
    is_position = bool(_PAGE_WORDS & set(words)) and not {"size", "per", "limit", "max"} & set(words)
    return is_position or words in (("start", "at"), ("starting", "after"), ("start", "index"), ("ending", "before"))


@lru_cache(65_536)
def is_sort_name(name: str) -> bool:
    return bool({"sort", "order", "orderby", "sortby", "direction", "ordering"} & set(split_name(name)))


def name_field(name: str, value: Any) -> str:
    """Returns one name for a field in all its spellings; `project_id` and `project: {id}` are both `project#`."""
    words = split_name(name)
    if isinstance(value, dict) or (words and words[-1] in _ID_WORDS):
        return " ".join(words if isinstance(value, dict) else words[:-1]) + "#"
    return " ".join(words)


def list_fields(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the scalars of an object by `name_field`, with the identifiers of the objects that it names."""
    fields: dict[str, Any] = {}
    for name, value in thing.items():
        if isinstance(value, dict):
            identity = next((part for key, part in value.items() if is_id_name(key)), None)
            moment = next((part for part in value.values() if read_moment(part) is not None), None)
            if identity is not None or moment is not None:
                fields[name_field(name, value if identity is not None else "")] = identity or moment
        elif not isinstance(value, list) and value is not None:
            fields[name_field(name, value)] = value
    return fields


@dataclass(frozen=True)
class Transcript:
    """The calls of a conversation in their order. `now` is the moment at which it begins, None if unknown."""

    messages: Sequence[Message]
    steps: Sequence[Step]
    now: datetime | None

    def list_changes(self, after: int, until: int) -> list[Step]:
        """Returns the calls that may have changed something, between two steps; the first excluded."""
        return [step for step in self.steps[after + 1 : until + 1] if step.action != "read" and not step.failed]

    @cached_property
    def good_steps(self) -> list[Step]:
        """The calls that did not fail."""
        return [step for step in self.steps if not step.failed]


def read_transcript(messages: Sequence[Message], tools: Mapping[str, Tool], now: datetime | None) -> Transcript:
    """Pairs the calls of a conversation with their results; calls without a result are left out."""
    calls = {call.id: (call, at) for at, message in enumerate(messages) for call in message.tool_calls}
    steps = [
        Step(
            *calls[result.call_id],
            at,
            result.content,
            result.error or _says_error(result.content),
            tools.get(result.name),
        )
        for at, message in enumerate(messages)
        if (result := message.result) is not None and result.call_id in calls
    ]
    return Transcript(messages, steps, now)


def _says_error(content: Any) -> bool:
    """Returns whether a result that is not marked as an error tells of one."""
    if not isinstance(content, dict):
        return False
    codes = [value for name, value in content.items() if split_name(name)[-1:] in (("code",), ("status",))]
    is_code = any(isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 for code in codes)
    return is_code or bool(content.get("error")) or bool(content.get("errors")) or content.get("success") is False
