"""The tool executor of one conversation: results that obey the response schema and remember.

A `World` belongs to one conversation. It makes results from schemas, echoes what a call said, gives
every new thing an id, and tells the same about the same thing whenever it comes up again. Nothing is
random beyond its seed. Values are realistic for their name, format and description
(`language/values.py`).
"""

import mimetypes
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from funcdex_assets.catalog.json_schema import Schema, resolve, scalars, schema_type, validator
from funcdex_assets.catalog.names import (
    ToolName,
    is_id,
    is_page_token,
    parse_tool_name,
    resource_noun,
    singular,
    words,
)
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person, named
from funcdex_assets.language.spoken import quoted_part, read_moment
from funcdex_assets.language.values import Situation
from funcdex_assets.records import Tool
from funcdex_assets.tool_graph.graph import SYNONYMS

MAX_ITEMS = 4
MAX_DEPTH = 7
_PAST = frozenset(
    (
        "created updated modified sent received date last internal opened joined timestamp paid posted completed added"
    ).split()
)
_LATER = frozenset("due start end expires scheduled until deadline next ends starts".split())
_TRUTHS = frozenset(
    (
        "success successful ok sent deleted removed accepted available confirmed updated added shared notified active"
    ).split()
)
_FIRST_STATES = (
    "open",
    "active",
    "confirmed",
    "needsAction",
    "to do",
    "todo",
    "draft",
    "pending",
    "scheduled",
    "accepted",
    "sent",
    "queued",
    "created",
    "incomplete",
)
_STATE = frozenset("status state labels label_ids flags".split())
_NUMBERED = re.compile(r"[A-Z][A-Z0-9]*-\d+")
_UPPER = frozenset("max before until end to".split())
_COUNTS = frozenset(["count", "total", "estimate"])
_ADDRESSED = frozenset(
    ("to recipient recipients attendee attendees invitee invitees participant participants people").split()
)
_ITS_OWN = frozenset("organizer organiser creator owner author sender reporter me self".split())

Thing = dict[str, Any]


class World:
    """`execute` runs a call; things made, listed or changed are remembered by noun and id."""

    def __init__(self, situation: Situation, seed: int):
        self._situation = situation
        self._rng = Random(seed)
        self._things: dict[str, dict[str, Thing]] = {}
        self._clock = situation.now

    def execute(self, tool: Tool, arguments: Mapping[str, Any], needed: frozenset[str] = frozenset()) -> Any:
        """The result of a call, valid under the tool's response schema.

        `needed` are result paths (`/threads/*/id`) that must be present because a later call will use
        them; optional fields are otherwise sometimes left out, as real services do.
        """
        self._clock += timedelta(seconds=self._rng.randint(20, 90))
        schema = result_schema(tool)
        call = _Call(self, parse_tool_name(tool.name), arguments, needed, schema)
        result = call.fill(schema, "", "", "", 0)
        self._remember(result, call.name.noun, schema)
        return result

    def _remember(self, value: Any, noun: str, schema: Schema) -> None:
        if isinstance(value, dict):
            identity = next((value[key] for key in value if _is_own_id(key, noun)), None)
            if isinstance(identity, str | int):
                known = self._things.setdefault(_kind(noun), {}).setdefault(str(identity), {})
                known |= {_plain(key): part for key, part in value.items()}
            for key, part in value.items():
                self._remember(part, singular_words(key) if isinstance(part, dict | list) else noun, schema)
        elif isinstance(value, list):
            for part in value:
                self._remember(part, noun, schema)


def singular_words(name: str) -> str:
    return " ".join(singular(word) for word in words(name))


def _kind(noun: str) -> str:
    last = noun.rpartition(" ")[2]
    return SYNONYMS.get(last, last)


def _plain(name: str) -> str:
    return "".join(words(name))


def _is_own_id(key: str, noun: str) -> bool:
    if not is_id(key):
        return False
    about = resource_noun(key)
    return about == "" or _kind(about) == _kind(noun)


class _Call:
    """One execution: fills the response schema with what the call, the memory and the situation say."""

    def __init__(
        self, world: World, name: ToolName, arguments: Mapping[str, Any], needed: frozenset[str], root: Schema
    ):
        self.world, self.rng, self.situation = world, world._rng, world._situation
        self.name, self.root, self.needed = name, root, needed
        self.echo: dict[str, Any] = {}
        self.identities: dict[str, str | int] = {}
        self.limit = MAX_ITEMS
        self.addressed: list[str] = []
        for pointer, value in scalars(dict(arguments)):
            steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
            if not steps:
                continue
            if isinstance(value, str) and "@" in value and not {"cc", "bcc"} & set(words(steps[0])):
                self.addressed.append(value)
            self.echo.setdefault(_plain(steps[-1]), value)
            if is_id(steps[-1]) and isinstance(value, str | int):
                self.identities[_kind(resource_noun(steps[-1]) or name.noun)] = value
            if set(words(steps[-1])) & {"limit", "max", "size", "results"} and isinstance(value, int):
                self.limit = max(1, min(value, MAX_ITEMS))
        for key, value in arguments.items():
            if isinstance(value, list | dict):
                self.echo[_plain(key)] = value
        inside = [
            key for key, part in root.get("properties", {}).items() if schema_type(resolve(part, root)) == "object"
        ]
        self.only_object = singular_words(inside[0]) if len(inside) == 1 else None
        linking = name.action == "create" and _kind(name.noun) in self.identities  # ADD_LABEL_TO_EMAIL
        self.makes_new = name.action in ("create", "send", "copy") and not linking
        self.further = any(is_page_token(key) for key in arguments)  # a later page repeats nothing
        self.sought = None if self.further else self._sought_words()
        self.window = self._time_window(arguments)
        self.shown: dict[str, list[str]] = {}
        self.inherited: Thing = {}
        for kind, identity in self.identities.items() if name.action in ("send", "copy") else ():
            self.inherited |= world._things.get(kind, {}).get(str(identity), {})

    def fill(
        self,
        schema: Schema,
        path: str,
        name: str,
        noun: str,
        depth: int,
        thing: Thing | None = None,
        person: Person | None = None,
    ) -> Any:
        schema = resolve(schema, self.root)
        match schema_type(schema):
            case "object":
                return self._object(schema, path, name, noun or self.name.noun, depth, person)
            case "array":
                return self._array(schema, path, name, noun, depth)
            case _:
                return self._leaf(schema, path, name, noun, thing if thing is not None else {}, person)

    # ── containers ───────────────────────────────────────────────────────────────────────────

    def _object(
        self,
        schema: Schema,
        path: str,
        name: str,
        noun: str,
        depth: int,
        person: Person | None,
        known: Thing | None = None,
        subject: bool | None = None,
    ) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        made: dict[str, Any] = {}
        if known is None:
            known = self._known_thing(noun, depth, name)
        if person is None and _is_about_person(name, properties):
            person = (self._sought() if depth <= 1 else None) or self._someone(name)
        is_subject = self._is_subject(noun, depth) if subject is None else subject
        if person is None and is_subject and self.addressed and any("email" in words(key) for key in properties):
            person = _holder(self.addressed[0])
        self_made: Thing = {"_known": known, "_made": made, "_subject": is_subject}
        for key, part in properties.items():
            place = f"{path}/{key}"
            if key not in required and depth < MAX_DEPTH and not self._wanted(place, key):
                continue
            if depth >= MAX_DEPTH and key not in required:
                continue
            remembered = known.get(_plain(key))
            if (
                remembered is None
                and self_made["_subject"]
                and not is_id(key)
                and not set(words(key)) & (_PAST | _STATE)
            ):
                remembered = self.inherited.get(_plain(key))
            part = resolve(part, self.root)
            missing = remembered == [] and any(path_needed.startswith(f"{place}/") for path_needed in self.needed)
            if remembered is not None and not missing and self._still_holds(part, key, remembered):
                made[key] = remembered
            elif schema_type(part) in ("object", "array"):
                echoed = self.echo.get(_plain(key)) if self_made["_subject"] else None
                if isinstance(echoed, list | dict) and fits_schema(part, echoed, self.root):
                    made[key] = echoed
                elif isinstance(echoed, dict) and schema_type(part) == "object":
                    said = {_plain(name): value for name, value in echoed.items()}
                    made[key] = self._object(
                        part, place, key, singular_words(key), depth + 1, None, said, subject=False
                    )
                elif self_made["_subject"] and self.addressed and (people := self._addressed(part, place, key, depth)):
                    made[key] = people
                else:
                    made[key] = self.fill(part, place, key, singular_words(key), depth + 1)
            else:
                made[key] = self._leaf(part, place, key, noun, self_made, person)
        _count(made, properties)
        return made

    def _still_holds(self, schema: Schema, key: str, remembered: Any) -> bool:
        return not self._changed(key) and fits_schema(schema, remembered, self.root)

    def _addressed(self, schema: Schema, path: str, name: str, depth: int) -> Any:
        """The people whom the call addressed, as the result lists them under `to` or `attendees`."""
        if not {*words(name), singular_words(name)} & _ADDRESSED:
            return None
        one = schema_type(schema) != "array"
        items = resolve(schema if one else schema.get("items", {}), self.root)
        if schema_type(items) != "object" or "email" not in items.get("properties", {}):
            return None
        people = []
        for address in dict.fromkeys(self.addressed):
            who = _holder(address)
            people.append(self._object(items, f"{path}/*", name, name, depth + 1, who, {}, subject=False))
        return people[0] if one else people

    def _array(self, schema: Schema, path: str, name: str, noun: str, depth: int) -> list[Any]:
        items = resolve(schema.get("items", {}), self.root)
        least = schema.get("minItems", 0)
        if depth >= MAX_DEPTH:
            least_only = least
            return [self.fill(items, f"{path}/*", name, noun, depth + 1) for _ in range(least_only)]
        if schema_type(items) != "object":
            if "enum" in items:
                options = [option for option in items["enum"] if option is not None]
                size = min(max(least, self.rng.choice((1, 1, 2))), len(options))
                return self.rng.sample(options, size)
            return [
                self._leaf(items, f"{path}/*", name, noun, {}, None)
                for _ in range(max(least, self.rng.choice((1, 1, 2))))
            ]
        main = depth <= 2 and self._is_main(noun)
        wanted = any(path_needed.startswith(f"{path}/*") for path_needed in self.needed)
        size = (
            self.rng.randint(1, self.limit)
            if main
            else self.rng.choice((1, 1, 2))
            if wanted or least
            else self.rng.choice((0, 1, 1))
        )
        size = min(max(size, least, 1 if wanted else 0), schema.get("maxItems", 99))
        known = self._listed(noun) if main and not self.further else []
        size = min(max(size, len(known)), schema.get("maxItems", 99))
        made = []
        for index in range(size):
            thing = known[index] if index < len(known) else {}
            person = None
            if _is_about_person(name, items.get("properties", {})):
                person = self._sought() if index == 0 and main and not thing else None
                person = person or self._someone(name)
            made.append(self._object(items, f"{path}/*", name, noun, depth + 1, person, thing, subject=False))
        if main:
            newest_first(made)
        return made

    def _listed(self, noun: str) -> list[Thing]:
        """Things known from earlier calls that belong into this listing: of the right parent, and
        holding the words that are searched for.
        """
        sought = [value for key, value in self.echo.items() if key in values.QUERIES and isinstance(value, str)]
        wanted = {word for text in sought for word in words(quoted_part(text) or text)}
        found = []
        for thing in self.world._things.get(_kind(noun), {}).values():
            parents = [thing.get(f"{kind}id") for kind in self.identities if kind != _kind(noun)]
            inside = all(
                parent == identity
                for parent, (kind, identity) in zip(
                    parents, [item for item in self.identities.items() if item[0] != _kind(noun)], strict=True
                )
            )
            text = " ".join(str(part).lower() for part in thing.values() if isinstance(part, str))
            if inside and all(word in text for word in wanted):
                found.append(thing)
        return found[-MAX_ITEMS:]

    # ── leaves ───────────────────────────────────────────────────────────────────────────────

    def _leaf(self, schema: Schema, path: str, name: str, noun: str, around: Thing, person: Person | None) -> Any:
        schema = resolve(schema, self.root)
        if "const" in schema:
            return schema["const"]
        known, made, subject = (
            around.get("_known", {}),
            around.get("_made", {}),
            around.get("_subject", False),
        )
        parts = set(words(name))
        if is_page_token(name):
            return self._token()
        if is_id(name) and "enum" not in schema:
            return self._identity(schema, name, noun, known, subject, made)
        filtered = self.name.action == "list" and self._is_main(noun) and not parts & values.QUERIES
        if (
            (subject or filtered)
            and (echoed := self.echo.get(_plain(name), self._renamed(parts))) is not None
            and fits_schema(schema, echoed, self.root)
        ):
            return echoed
        if "enum" in schema:
            return self._choice(schema, name, made)
        match schema_type(schema):
            case "boolean":
                return bool(parts & _TRUTHS) or (
                    not parts & {"has", "is", "trashed", "archived", "deleted"} and self.rng.random() < 0.3
                )
            case "integer" | "number":
                return values.make_number(name, schema, self.rng)
            case "null":
                return None
        value = self._text(schema, name, noun, parts, made, person)
        if not values.fits(schema, value):
            value = next(
                (option for option in schema.get("examples", ()) if values.fits(schema, option)),
                value[: schema.get("maxLength", len(value))],
            )
        return value

    def _text(self, schema: Schema, name: str, noun: str, parts: set[str], made: Thing, person: Person | None) -> str:
        rng, situation = self.rng, self.situation
        examples = [option for option in schema.get("examples", ()) if isinstance(option, str)]
        match schema.get("format"):
            case "email":
                return (person or self._someone(name)).email
            case "date-time" | "date" | "time":
                return self._moment(schema, parts, made)
            case "uri":
                tail = f"{rng.getrandbits(40):010x}"
                return (
                    values.mimic(examples[0], rng)
                    if examples
                    else f"https://{self._host()}/{noun.replace(' ', '-') or 'item'}/{tail}"
                )
            case "uuid":
                return f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-a{rng.getrandbits(12):03x}-{rng.getrandbits(48):012x}"
        if examples and read_moment({}, examples[0]) is not None:
            return self._moment({"format": "date" if len(examples[0]) == 10 else "date-time"}, parts, made)
        if parts & {"zone", "timezone"}:
            return situation.persona.time_zone
        if str(schema.get("pattern", "")).startswith("^\\+") or "phone" in parts:
            return values.make_phone(rng)
        if person and parts & {"name", "names", "display", "owner", "full"}:
            return (
                person.first
                if "first" in parts or "given" in parts
                else person.name.split()[-1]
                if parts & {"last", "family"}
                else person.name
            )
        if (parts & values.PEOPLE and parts & {"name", "from", "to", "by"}) or parts in (
            {"owner"},
            {"assignee"},
            {"creator"},
            {"author"},
            {"sender"},
        ):
            return self._someone(name).name
        if parts & {"job", "position", "occupation"}:
            return rng.choice(values.positions(situation))
        if parts & {"title", "subject", "summary", "headline"} or (self.sought and parts & {"name", "filename"}):
            return self._titled()
        if examples:
            return self._unshown(name, examples)
        if parts & {"name", "filename", "label"}:
            return self._titled()
        if parts & values.BODIES:
            return values.make_body(situation, rng, situation.persona.name.split()[0])
        if "error" in parts:
            return ""
        if parts & {"link", "url", "href", "uri"}:
            return f"https://{self._host()}/{noun.replace(' ', '-')}/{rng.getrandbits(40):010x}"
        if parts & {"currency"}:
            return rng.choice(("usd", "eur", "gbp"))
        if parts & {"status", "state"}:
            return rng.choice(("open", "in progress", "active"))
        if parts & {"city"}:
            return rng.choice(values.CITIES)
        if parts & {"location", "place"}:
            return rng.choice(values.PLACES)
        return values.keywords(situation.matter, rng)

    def _unshown(self, name: str, examples: Sequence[str]) -> str:
        """An example that this result does not show yet, as long as there is one."""
        shown = self.shown.setdefault(name, [])
        chosen = self.rng.choice([example for example in examples if example not in shown] or examples)
        shown.append(chosen)
        return chosen

    def _time_window(self, arguments: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
        """The span that a listing is restricted to, by arguments such as `min_start_time` and `until`."""
        if self.name.action not in ("list", "get"):
            return None
        ends: list[datetime | None] = [None, None]
        for key, value in arguments.items():
            moment = read_moment({}, value) if isinstance(value, str) else None
            if isinstance(moment, date) and not isinstance(moment, datetime):
                moment = datetime.combine(moment, self.situation.now.timetz())
            if not isinstance(moment, datetime):
                continue
            moment = moment if moment.tzinfo else moment.replace(tzinfo=self.situation.now.tzinfo)
            ends[bool(set(words(key)) & _UPPER)] = moment
        low, high = ends
        if low is None and high is None:
            return None
        low = low or high - timedelta(days=14)  # type: ignore[operator]
        high = high or low + timedelta(days=14)
        return (low, high) if low < high else None

    def _identity(self, schema: Schema, name: str, noun: str, known: Thing, subject: bool, made: Thing) -> Any:
        about = resource_noun(name)
        kind = _kind(about or noun)
        if (remembered := known.get(_plain(name))) is not None:
            return remembered
        own = about == "" or kind == _kind(noun)
        given = self.identities.get(kind)
        if given is not None and (not own or (subject and not self.makes_new)):
            return _typed(schema, given)
        others = list(self.world._things.get(kind, ())) if not own else []
        if others and (self.name.action != "list" or self.rng.random() < 0.5):
            return _typed(schema, others[-1] if self.name.action != "list" else self.rng.choice(others))
        if schema_type(schema) == "integer":
            return self.rng.randint(int(schema.get("minimum", 1000)), int(schema.get("maximum", 9_999_999)))
        examples = [option for option in schema.get("examples", ()) if isinstance(option, str)]
        if examples:
            fresh = values.mimic(self.rng.choice(examples), self.rng)
            project = made.get("project_key") or self.identities.get("project")
            if _NUMBERED.fullmatch(fresh) and isinstance(project, str) and project.isupper():
                fresh = f"{project}-{fresh.rpartition('-')[2]}"  # an issue carries its project's key
            return fresh
        match schema.get("format"):
            case "uuid":
                return self._text(schema, name, noun, set(), {}, None)
            case "uri":
                return f"https://{self._host()}/{kind}/{self.rng.getrandbits(48):012x}"
        fresh = f"{self.rng.getrandbits(56):014x}"
        return fresh if values.fits(schema, fresh) else self._fitting(schema)

    def _fitting(self, schema: Schema) -> str:
        length = schema.get("minLength") or schema.get("maxLength") or 12
        digits = "".join(str(self.rng.randint(1, 9)) for _ in range(min(length, 16)))
        upper = f"{''.join(self.rng.choice('ABCDEFGHKLMNPRST') for _ in range(3))}-{self.rng.randint(100, 999)}"
        return next((option for option in (digits, upper, digits[:6]) if values.fits(schema, option)), digits)

    def _moment(self, schema: Schema, parts: set[str], made: Thing) -> str:
        begun = next(
            (
                made[key]
                for key in made
                if set(words(key)) & {"start", "begin", "created", "starts"} and isinstance(made[key], str)
            ),
            None,
        )
        if parts & {"end", "ends", "updated", "modified", "expires"} and begun and (start := read_moment({}, begun)):
            if isinstance(start, datetime):
                later = start + timedelta(minutes=self.rng.choice((30, 45, 60, 90)))
                if parts & {"updated", "modified"}:
                    later = max(start, min(later, self.world._clock))
                return values.moment_text(schema, later)
            begins = start if isinstance(start, date) else self.situation.now.date()
            return values.moment_text(
                schema,
                datetime.combine(begins, self.situation.now.timetz()) + timedelta(days=self.rng.randint(1, 7)),
            )
        if self.name.action in ("create", "send", "update", "copy", "delete") and parts & _PAST and not parts & _LATER:
            return values.moment_text(schema, self.world._clock)
        if self.window and not parts & {"created", "updated", "modified"}:
            low, high = self.window
            span = int((high - low).total_seconds())
            moment = low + timedelta(seconds=self.rng.randrange(max(1, span)) // 900 * 900)
            at_work = moment.replace(hour=self.rng.randint(8, 17), minute=self.rng.choice((0, 15, 30, 45)))
            return values.moment_text(schema, at_work if low <= at_work <= high else moment)
        past = not parts & _LATER
        return values.moment_text(schema, values.make_moment(self.situation, self.rng, past))

    def _choice(self, schema: Schema, name: str, made: Thing) -> Any:
        options = [option for option in schema["enum"] if option is not None]
        if "zone" in words(name) and self.situation.persona.time_zone in options:
            return self.situation.persona.time_zone
        if "mime" in words(name):
            file = str(next((made[key] for key in ("filename", "name", "title") if key in made), ""))
            return next(
                (option for option in options if mimetypes.guess_type(file)[0] == option),
                self.rng.choice(options),
            )
        if set(words(name)) & {"status", "state"} and self.name.action in ("create", "send"):
            for state in _FIRST_STATES:
                for option in options:
                    if str(option).replace("_", " ").lower() == state.lower():
                        return option
            return options[0]
        return self.rng.choice(options)

    # ── what the call is about ───────────────────────────────────────────────────────────────

    def _is_subject(self, noun: str, depth: int) -> bool:
        """Whether this object is the very thing that the call names or makes."""
        if depth == 0 or (depth == 1 and noun in ("data", "result")):
            return True
        if self.name.action == "list":
            return False
        return _kind(noun) == _kind(self.name.noun) or (depth == 1 and noun == self.only_object)

    def _is_main(self, noun: str) -> bool:
        return _kind(noun) in {_kind(word) for word in self.name.words} or self.name.action == "list"

    def _known_thing(self, noun: str, depth: int, name: str) -> Thing:
        things = self.world._things.get(_kind(noun), {})
        given = self.identities.get(_kind(noun))
        fresh = self.makes_new and _kind(noun) == _kind(self.name.noun)
        if (
            given is not None
            and not fresh
            and (self._is_subject(noun, depth) or _kind(singular_words(name)) == _kind(noun))
        ):
            return dict(things.get(str(given), {}))
        return {}

    def _changed(self, key: str) -> bool:
        """A field that this call sets, or that any change moves."""
        if _plain(key) in self.echo and not is_id(key):
            return True
        writes = self.name.action not in ("list", "get")
        return writes and bool(
            set(words(key)) & {"updated", "modified", "status", "state"} or set(words(key)) & _TRUTHS
        )

    def _renamed(self, parts: set[str]) -> Any:
        """The argument that fills a result field of another name: `summary` for `title`."""
        if parts & {"snippet", "preview", "excerpt"} and self.makes_new:
            text = next(
                (
                    self.echo[key]
                    for key in ("body", "messagebody", "text", "content")
                    if isinstance(self.echo.get(key), str)
                ),
                None,
            )
            return text[:90] if text else None
        for group in (
            {"title", "name", "summary", "subject"},
            {"body", "content", "text", "description", "message"},
        ):
            if parts & group and self.name.action in ("create", "update", "send"):
                named = [
                    text
                    for key, text in self.echo.items()
                    if isinstance(text, str)
                    and (key in group or ("title" in group and key.endswith(("name", "title"))))
                ]
                if (
                    named
                    and parts & {"title", "name", "summary", "subject", "body", "content", "text"}
                    and len(parts) == 1
                ):
                    return named[0]
        return None

    def _wanted(self, place: str, key: str) -> bool:
        if any(path == place or path.startswith(place + "/") for path in self.needed):
            return True
        if is_page_token(key):
            return self.rng.random() < 0.2
        if set(words(key)) & {"error", "errors", "warning"}:
            return False
        return _plain(key) in self.echo or self.rng.random() < (0.3 if self.makes_new else 0.65)

    def _someone(self, name: str) -> Person:
        if set(words(name)) & _ITS_OWN:
            persona = self.situation.persona
            return Person(persona.name, persona.name.split()[0], persona.email)
        return values.make_person(self.situation, self.rng)

    def _sought(self) -> Person | None:
        """The person whom a look-up asks for, by address or by name."""
        if self.name.action not in ("list", "get"):
            return None
        if self.addressed:
            return _holder(self.addressed[0])
        asked = next(
            (self.echo[key] for key in ("query", "q", "search", "name") if isinstance(self.echo.get(key), str)),
            "",
        )
        if asked and asked[:1].isupper() and len(asked.split()) <= 2:
            someone = values.make_person(self.situation, self.rng)
            name = asked if " " in asked else f"{asked} {someone.name.split()[-1]}"
            return named(name, someone.email.partition("@")[2])
        return None

    def _sought_words(self) -> str | None:
        """A title that a search asks for, which the first thing found then has."""
        if self.name.action != "list":
            return None
        asked = next(
            (
                text
                for key, text in self.echo.items()
                if (isinstance(text, str) and {*words(key), key} & values.QUERIES) or "contains" in key
            ),
            "",
        )
        text = quoted_part(asked) or asked
        return text if isinstance(text, str) and len(text.split()) > 1 else None

    def _titled(self) -> str:
        sought, self.sought = self.sought, None
        if sought:
            return values.sentence(sought)
        return values.make_title(self.situation, self.rng)

    def _host(self) -> str:
        return f"app.{self.situation.domain}"

    def _token(self) -> str:
        return "".join(self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789") for _ in range(16))


def _holder(address: str) -> Person:
    """The person behind an address: `maria.lopez@…` is Maria Lopez."""
    first, _, last = address.partition("@")[0].partition(".")
    return Person(f"{first} {last}".strip().title(), first.title(), address)


def _typed(schema: Schema, identity: str | int) -> str | int:
    return int(identity) if schema_type(schema) == "integer" and str(identity).isdigit() else identity


def newest_first(items: list[dict[str, Any]]) -> None:
    """Sorts listed things by their date when they have one in the past, newest first."""
    key = next(
        (key for key in (items[0] if items else {}) if set(words(key)) & _PAST and isinstance(items[0][key], str)),
        None,
    )
    if key and all(isinstance(item.get(key), str) for item in items):
        items.sort(key=lambda item: item[key], reverse=True)


def _is_about_person(name: str, properties: Mapping[str, Any]) -> bool:
    if not any("email" in words(key) or "phone" in words(key) for key in properties):
        return False
    return bool(set(words(singular_words(name))) & values.PEOPLE) or {"name", "email"} <= properties.keys()


def fits_schema(schema: Schema, value: Any, root: Schema) -> bool:
    """Whether a value from elsewhere may stand here; `$ref`s are resolved against the whole schema."""
    whole = {**schema, "$defs": root["$defs"]} if "$defs" in root else schema
    return validator(whole).is_valid(value)


def _count(made: dict[str, Any], properties: Mapping[str, Schema]) -> None:
    """Counts say how many things are listed beside them: `message_count` beside `messages`."""
    listed = next(((key, part) for key, part in made.items() if isinstance(part, list)), None)
    if listed is None:
        return
    nouns = {*words(listed[0]), *(singular(word) for word in words(listed[0]))}
    for key, value in made.items():
        parts = set(words(key))
        if isinstance(value, bool) or not isinstance(value, int) or not parts & _COUNTS:
            continue
        if parts <= _COUNTS | nouns | {"result", "results", "size", "number", "of"}:
            schema, size = properties.get(key, {}), len(listed[1])
            made[key] = max(schema.get("minimum", 0), min(size, schema.get("maximum", size)))
