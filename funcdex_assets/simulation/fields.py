"""One scalar field of a result: an identifier, a moment, a state, a name, a text.

What is already known or was said by the call is not made up here; `results.py` asks for a field only
when nothing else decides it.
"""

import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any

from funcdex_assets.catalog.json_schema import Schema, schema_type
from funcdex_assets.catalog.names import is_id, is_page_token, resource_noun, singular, words
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person, behind, company_at, named
from funcdex_assets.language.spoken import read_moment
from funcdex_assets.language.values import Situation
from funcdex_assets.seeds import derive_seed
from funcdex_assets.simulation.demand import CallIntent
from funcdex_assets.simulation.effects import flag_after, state_after
from funcdex_assets.simulation.memory import Memory, Thing, identifies, kind, plain

PAST = frozenset(
    (
        "created updated modified sent received date last internal opened joined timestamp paid posted completed added"
    ).split()
)
TRUTHS = frozenset(
    (
        "success successful ok sent deleted removed accepted available confirmed updated added shared notified active"
    ).split()
)
_LATER = frozenset("due start end expires scheduled until deadline next ends starts".split())
_ENDS = frozenset("end ends updated modified expires".split())
_BEGINS = frozenset("start starts begin created".split())
_RARELY = frozenset("has is trashed archived deleted".split())
_FIRST_STATES = (
    "open active confirmed needsaction todo draft pending scheduled accepted sent queued created incomplete".split()
)
_ITS_OWN = frozenset("organizer organiser creator owner author sender reporter me self".split())
_PERSONAL = frozenset("owner assignee creator author sender".split())
_PERIODS = {"day": 1, "week": 7, "month": 30, "year": 365}
_LONG = {"sprint": 14, "iteration": 14, "milestone": 30, "campaign": 30}  # days
_OCCURRENCES = frozenset("instance occurrence".split())
_EMPLOYERS = frozenset("company organization organisation employer".split())
_CHANGED = frozenset("updated modified edited".split())
_FIRST_MOMENTS = frozenset("created opened joined".split())
_LISTED = frozenset("message messages reply replies comment comments note attachment subtask attendee".split())
MOST_LISTED = 4
_EXCLUSIVE = frozenset("slot busy free availability".split())  # of one another, in time
_TRIES = 12
_LENGTHS = (30, 45, 60, 90)  # of what begins and ends, in minutes
_LONGEST_ID = 200
_TRIES = 20  # for a number that nothing else has
_NUMBERED = re.compile(r"[A-Z][A-Z0-9]*-\d+")
_FRAMES = ("{} — open questions", "{}: next steps", "{} 2026", "{} (archive)", "{}: planning", "Notes on {}")
_VERSIONS = ("{} (draft)", "{} (copy)", "{}, revised", "{} — final version", "Notes on {}")
_TOKEN = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"


@dataclass
class Surroundings:
    """The object that a field belongs to: what it is, what is known of it, what was made of it so far.

    `subject` says that it is the very thing which the call names or makes; `identity` is its own, if the
    call gives it; `beside` is what was made so far of the object around it.
    """

    noun: str
    known: Thing = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    person: Person | None = None
    subject: bool = False
    beside: Mapping[str, Any] = field(default_factory=dict)
    identity: str | int | None = None


class FieldMaker:
    """Makes the fields of one call's result."""

    def __init__(self, situation: Situation, demand: CallIntent, memory: Memory, clock: datetime, rng: Random):
        self._situation, self._demand, self._memory = situation, demand, memory
        self._clock, self._rng = clock, rng
        self._title = demand.searched_title
        self._taken: list[tuple[datetime, datetime]] = []  # from when to when somebody is free or busy
        self._shown: dict[str, list[str]] = {}
        self._numbered: set[str] = set()

    def make(self, schema: Schema, name: str, around: Surroundings) -> Any:
        if "const" in schema:
            return schema["const"]
        if is_page_token(name) and schema_type(schema) == "string" and "format" not in schema:
            return "".join(self._rng.choice(_TOKEN) for _ in range(16))
        if is_id(name) and "enum" not in schema:
            return self._identity(schema, name, around)
        if "enum" in schema:
            return self._choice(schema, name, around)
        parts = set(words(name))
        match schema_type(schema):
            case "boolean":
                flag = flag_after(self._demand.name.verb, name) if around.subject else None
                return (
                    flag
                    if flag is not None
                    else bool(parts & TRUTHS) or (not parts & _RARELY and self._rng.random() < 0.3)
                )
            case "integer" | "number":
                number = values.make_number(name, schema, self._rng)
                if "count" in parts and parts & _LISTED:  # so many will be listed
                    return max(schema.get("minimum", 0), min(number, self._rng.randint(1, MOST_LISTED)))
                return number
            case "null":
                return None
        value = self._text(schema, name, parts, around)
        if values.fits(schema, value):
            return value
        fitting = (option for option in schema.get("examples", ()) if values.fits(schema, option))
        return next(fitting, value[: schema.get("maxLength", len(value))])

    # ── people ───────────────────────────────────────────────────────────────────────────────

    def someone(self, name: str) -> Person:
        """A person for a field of this name: organisers and owners are the user."""
        parts = set(words(name))
        if parts & _ITS_OWN or (self._demand.creates_entity and {singular(part) for part in parts} & _ITS_OWN):
            persona = self._situation.persona
            return Person(persona.name, persona.name.split()[0], persona.email)
        return self._known(values.make_person(self._situation, self._rng))

    def holder(self, address: str) -> Person:
        """The person behind an address."""
        persona = self._situation.persona
        if address == persona.email:
            return Person(persona.name, persona.name.split()[0], persona.email)
        return self._memory.people.get(address) or self._known(behind(address))

    def _known(self, person: Person) -> Person:
        return self._memory.people.setdefault(person.email, person)

    def sought(self) -> Person | None:
        """The person whom a look-up asks for, by address or by name."""
        if self._demand.is_lookup and self._demand.addressees:
            return self.holder(self._demand.addressees[0])
        name = self._demand.searched_person_name
        if not name:
            return None
        other = values.make_person(self._situation, self._rng)
        full = name if " " in name else f"{name} {other.name.split()[-1]}"
        return self._known(named(full, other.email.partition("@")[2]))

    @property
    def zone(self) -> str:
        return self._situation.persona.time_zone

    @cached_property
    def matter(self) -> frozenset[str]:
        """The words of what the situation is about."""
        return frozenset(words(self._situation.matter))

    def titles_with(self, text: str) -> list[str]:
        """Titles of things in which a text was found."""
        frames = _FRAMES if len(text.split()) < 3 or frozenset(words(text)) <= self.matter else _VERSIONS
        title = values.sentence(text)
        return [title, *(frame.format(title) for frame in self._rng.sample(frames, len(frames)))]

    # ── texts ────────────────────────────────────────────────────────────────────────────────

    def _text(self, schema: Schema, name: str, parts: set[str], around: Surroundings) -> str:
        rng, situation, person = self._rng, self._situation, around.person
        examples = [option for option in schema.get("examples", ()) if isinstance(option, str)]
        match schema.get("format"):
            case "email":
                return (person or self.someone(name)).email
            case "date-time" | "date" | "time":
                return self._moment(schema, parts, around)
            case "uri":
                return values.mimic(examples[0], rng) if examples else self._link(around.noun)
            case "uuid":
                return self._uuid()
        if examples and read_moment({}, examples[0]) is not None:
            return self._moment({"format": "date" if len(examples[0]) == 10 else "date-time"}, parts, around)
        if parts & {"zone", "timezone"}:
            return situation.persona.time_zone
        if str(schema.get("pattern", "")).startswith("^\\+") or "phone" in parts:
            phone = values.make_phone(rng)
            return self._memory.of_people.setdefault((person.email, "phone"), phone) if person else phone
        if person and parts & _EMPLOYERS and (company := company_at(person.email.partition("@")[2])):
            return company
        if person and parts & {"name", "names", "display", "owner", "full"}:
            return _name_part(person, parts)
        if (parts & values.PEOPLE and parts & {"name", "from", "to", "by"}) or (len(parts) == 1 and parts & _PERSONAL):
            return self.someone(name).name
        if parts & {"job", "position", "occupation"}:
            return rng.choice(values.positions(situation))
        if "name" in parts and (known := self._name_of_another(name, around)):
            return known
        if around.noun in _OCCURRENCES and parts & values.TITLES and (series := self._series()):
            return series
        if parts & {"title", "subject", "summary", "headline"} or (
            self._title and (parts & {"name"} or (parts & {"filename"} and not examples))
        ):
            return self._titled()
        if "filename" in parts and self._demand.name.action == "copy" and "." in "".join(examples):
            title = next((self._memory.thing(*named).get("title") for named in self._demand.parents.items()), None)
            if isinstance(title, str):
                return f"{title}.{examples[0].rpartition('.')[2]}"
        if examples:
            return self._unshown(name, examples)
        if parts & {"name", "filename", "label"}:
            return self._titled()
        if parts & values.BODIES:
            return values.make_body(situation, rng, situation.persona.name.split()[0])
        if parts & {"link", "url", "href", "uri"}:
            return self._link(around.noun)
        return self._plain_word(parts)

    def _plain_word(self, parts: set[str]) -> str:
        choices = {
            "error": ("",),
            "currency": ("usd", "eur", "gbp"),
            "status": ("open", "in progress", "active"),
            "state": ("open", "in progress", "active"),
            "organization": (self._situation.persona.company,),
            "company": (self._situation.persona.company,),
            "city": values.CITIES,
            "location": values.PLACES,
            "place": values.PLACES,
        }
        fitting = next((options for word, options in choices.items() if word in parts), None)
        return self._rng.choice(fitting) if fitting else values.keywords(self._situation.matter, self._rng)

    def _name_of_another(self, name: str, around: Surroundings) -> str | None:
        """`sprint_name`, where a sprint is named by its identifier in the call or beside."""
        *about, last = words(name)
        if last != "name" or len(about) != 1 or about[0] == around.noun:
            return None
        beside = (value for key, value in around.made.items() if is_id(key) and resource_noun(key) == about[0])
        identity = next(beside, None) or self._demand.identities.get(kind(about[0]))
        if not isinstance(identity, str | int):
            return None
        thing = self._memory.thing(about[0], identity)
        texts = (thing.get(key) for key in ("name", "title", "summary", "subject"))
        return next((text for text in texts if isinstance(text, str)), None)

    def _series(self) -> str | None:
        """The title of what an occurrence is one of."""
        things = (self._memory.thing(*parent) for parent in self._demand.parents.items())
        texts = (thing.get(key) for thing in things for key in ("summary", "title", "name"))
        return next((text for text in texts if isinstance(text, str)), None)

    def _titled(self) -> str:
        """The title that was searched for, once; else one of the matter's."""
        sought, self._title = self._title, None
        return values.sentence(sought) if sought else values.make_title(self._situation, self._rng)

    def _unshown(self, name: str, examples: Sequence[str]) -> str:
        """An example that this result does not show yet, as long as there is one."""
        shown = self._shown.setdefault(name, [])
        chosen = self._rng.choice([example for example in examples if example not in shown] or examples)
        shown.append(chosen)
        return chosen

    def _link(self, noun: str) -> str:
        return (
            f"https://app.{self._situation.domain}/{noun.replace(' ', '-') or 'item'}/{self._rng.getrandbits(40):010x}"
        )

    # ── identifiers, states, moments ─────────────────────────────────────────────────────────

    def _identity(self, schema: Schema, name: str, around: Surroundings) -> Any:
        """Of a known thing its own; of a thing that the call names the one given; of a person always the same; else a
        new one.
        """
        about = resource_noun(name)
        whose = around.person.email if around.person and about in ("", around.noun, "account", "user", "person") else ""
        if not whose:
            return self._an_identity(schema, name, around)
        told = (whose, f"{plain(name)} {kind(about or around.noun)}")
        new = self._demand.creates_entity and around.subject
        known = None if new or around.identity is not None else self._memory.of_people.get(told)
        found = self._an_identity(schema, name, around) if known is None or plain(name) in around.known else known
        self._memory.of_people[told] = found
        return found

    def _an_identity(self, schema: Schema, name: str, around: Surroundings) -> Any:
        if (remembered := around.known.get(plain(name))) is not None:
            return remembered
        known = around.known.get("id") if "examples" not in schema and identifies(name, around.noun) else None
        if known is not None and words(name)[-1] == "id" and values.fits(schema, str(known)):
            return _typed(schema, known)
        about = resource_noun(name)
        noun = kind(about or around.noun)
        own = about == "" or noun == kind(around.noun)
        if around.noun in _OCCURRENCES and noun in self._demand.parents and len(about.split()) == 1:
            return self.new_identity(schema, noun, around.made)
        issue = around.made.get("issue_key") or self._demand.identities.get("issue")
        if noun == "project" and isinstance(issue, str) and _NUMBERED.fullmatch(issue):
            return issue.rpartition("-")[0]
        given = around.identity if own else self._demand.identities.get(noun)
        if given is not None:
            return _typed(schema, given)
        others = [] if own else list(self._memory.things(noun))
        if others and not self._demand.is_listing:
            return _typed(schema, others[-1])
        if others and self._rng.random() < 0.5:
            return _typed(schema, self._rng.choice(others))
        return self.new_identity(schema, noun, around.made)

    def new_identity(self, schema: Schema, noun: str, made: Mapping[str, Any]) -> Any:
        rng = self._rng
        if schema_type(schema) == "integer":
            low = int(schema.get("minimum", 1000))
            return rng.randint(low, max(low, int(schema.get("maximum", 9_999_999))))
        if examples := [option for option in schema.get("examples", ()) if isinstance(option, str)]:
            project = made.get("project_key") or self._demand.identities.get("project")
            tries = (self._mimicked(examples, project) for _ in range(_TRIES))
            fresh = next(tries)
            while fresh in self._numbered or (_NUMBERED.fullmatch(fresh) and self._memory.thing(noun, fresh)):
                if (other := next(tries, None)) is None:
                    break
                fresh = other
            if _NUMBERED.fullmatch(fresh):
                self._numbered.add(fresh)
            return fresh
        match schema.get("format"):
            case "uuid":
                return self._uuid()
            case "uri":
                return self._link(noun)
        size = min(schema.get("minLength") or 12, _LONGEST_ID)
        digits = "".join(str(rng.randint(1, 9)) for _ in range(size))
        letters = "".join(rng.choice("ABCDEFGHKLMNPRST") for _ in range(3))
        options = (f"{rng.getrandbits(56):014x}", digits, f"{letters}-{rng.randint(100, 999)}", digits[:6])
        return next((option for option in options if values.fits(schema, option)), digits)

    def _mimicked(self, examples: Sequence[str], project: Any) -> str:
        fresh = values.mimic(self._rng.choice(examples), self._rng)
        if _NUMBERED.fullmatch(fresh) and isinstance(project, str) and project.isupper():
            return f"{project}-{fresh.rpartition('-')[2]}"  # an issue carries its project's key
        return fresh

    def _uuid(self) -> str:
        text = f"{self._rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _choice(self, schema: Schema, name: str, around: Surroundings) -> Any:
        made = around.made
        options = [option for option in schema["enum"] if option is not None] or [None]
        parts = set(words(name))
        if "zone" in parts:  # the user's, or always the same other one
            persona = self._situation.persona
            zone = persona.time_zone
            return zone if zone in options else options[derive_seed(persona.persona_id) % len(options)]
        if self._demand.criteria.excluded and (out := self._demand.criteria.excluded.get(plain(name))):
            options = [option for option in options if str(option).lower() != out] or options
        if "mime" in parts:
            file = str(next((made[key] for key in ("filename", "name", "title") if key in made), ""))
            guessed = mimetypes.guess_type(file)[0] or ""
            alike = [option for option in options if option == guessed]
            if not alike and guessed:
                alike = [option for option in options if option == "text/plain" and guessed.startswith("text/")]
                options = [option for option in options if mimetypes.guess_extension(str(option))] or options
                self._rename(around, alike or options[:1])
            options = alike or (options[:1] if guessed else options)
        if parts & {"status", "state"} and self._demand.name.action in ("create", "send"):
            first = [option for state in _FIRST_STATES for option in options if plain(str(option)) == state]
            return (first or options)[0]
        if parts & {"status", "state"} and around.subject:
            state = state_after(self._demand.name.verb, options)
            if state is not None:
                return state
        return self._rng.choice(options)

    def _rename(self, around: Surroundings, types: Sequence[Any]) -> None:
        """The name of a file that was made up has the extension of its type."""
        extension = mimetypes.guess_extension(str(types[0]))
        for key in ("filename", "name", "title"):
            name = around.made.get(key)
            if (
                isinstance(name, str)
                and plain(key) not in around.known
                and name not in self._demand.said_values.values()
            ):
                stem, dot, _ = name.rpartition(".")
                around.made[key] = f"{stem}{extension}" if dot and extension and types[0] != "text/plain" else name

    def _moment(self, schema: Schema, parts: set[str], around: Surroundings) -> str:
        """After what it must follow, now for what the call did, within the window asked for."""
        changing = not self._demand.is_lookup
        if parts & _FIRST_MOMENTS and (made_at := around.known.get("@made_at")) is not None:
            return self._told(schema, made_at)
        if parts & _CHANGED:
            if changing:
                return self._told(schema, self._clock)
            start = _beginning({key: value for key, value in around.made.items() if "created" in words(key)})
        else:
            start = _beginning(around.made)
        span = next(
            (span for span in self._demand.criteria.spans if span.field_words and span.field_words <= parts), None
        )
        if span:
            high = span.high if parts & _LATER else min(span.high, self._clock)
            return self._told(schema, self._within(span.low, max(high, span.low)))
        if around.noun in _ENDS | _BEGINS:  # `end: {dateTime: …}` beside `start: {dateTime: …}`
            parts = parts | {around.noun}
            start = _beginning(around.beside)
        if "period" in parts and parts & _ENDS and (next_ := self._end_of_period(around)):
            return self._told(schema, next_)
        if parts & _ENDS and isinstance(start, date):
            end = self._after(start, parts, around.noun)
            if _EXCLUSIVE & set(around.noun.split()) and isinstance(start, datetime):
                self._taken.append((start, end))
            return self._told(schema, end)
        there = around.subject or around.known or around.identity is not None or self._demand.mentions_noun(around.noun)
        earlier = bool(parts & _FIRST_MOMENTS and there) and not self._demand.creates_entity
        latest = self._latest(around) if parts & _FIRST_MOMENTS and not self._demand.creates_entity else None
        if latest is not None:
            days = timedelta(days=self._rng.randint(1, 20), minutes=15 * self._rng.randint(0, 12))
            return self._told(schema, latest - days)
        if changing and parts & PAST and not parts & _LATER and not earlier:
            return self._told(schema, self._clock)
        if around.noun in _LONG and parts & _BEGINS and (state := around.made.get("state", around.made.get("status"))):
            days = {"active": -self._rng.randint(1, _LONG[around.noun] - 1), "closed": -90}.get(str(state))
            if days:
                return self._told(schema, self._clock.replace(hour=9, minute=0, second=0) + timedelta(days=days))
        if self._demand.criteria.window and not parts & {"created", "updated", "modified"}:
            moment = self._within(*self._demand.criteria.window)
            for _ in range(_TRIES if _EXCLUSIVE & set(around.noun.split()) else 0):
                if not self._is_taken(moment, moment + timedelta(minutes=max(*_LENGTHS, self._demand.least_minutes))):
                    break
                moment = self._within(*self._demand.criteria.window)
            return self._told(schema, moment)
        return self._told(schema, values.make_moment(self._situation, self._rng, past=not parts & _LATER))

    def _end_of_period(self, around: Surroundings) -> datetime | None:
        """When what is paid by the week, the month or the year is paid next."""
        price = around.made.get("price")
        if not isinstance(price, dict):
            identity = around.made.get("price_id", self._demand.identities.get("price", ""))
            price = self._memory.thing("price", identity)
        days = next((_PERIODS.get(str(value)) for key, value in price.items() if plain(key).endswith("interval")), None)
        if not days:
            return None
        end = self._clock.replace(second=0)
        return end + timedelta(days=days if self._demand.creates_entity else self._rng.randint(1, max(1, days - 1)))

    def _is_taken(self, start: datetime, end: datetime) -> bool:
        return any(start < other_end and other_start < end for other_start, other_end in self._taken)

    def _latest(self, around: Surroundings) -> datetime | None:
        """The moment of a change, as it is known, or made, before which the thing was there."""
        for fields in (around.known, around.made):
            for key, value in fields.items():
                changed = isinstance(value, str) and key.lower().removeprefix("last").startswith(tuple(_CHANGED))
                moment = read_moment({}, value) if changed else None
                if isinstance(moment, datetime) and moment.tzinfo:
                    return moment
        return None

    def _told(self, schema: Schema, moment: datetime) -> str:
        """In the user's time zone, whatever zone the call was in."""
        return values.moment_text(schema, moment.astimezone(self._clock.tzinfo) if moment.tzinfo else moment)

    def _after(self, start: date, parts: set[str], noun: str = "") -> datetime:
        if noun in _LONG and isinstance(start, datetime):
            return start + timedelta(days=_LONG[noun])
        if not isinstance(start, datetime):
            return datetime.combine(start, self._clock.timetz()) + timedelta(days=self._rng.randint(1, 7))
        lengths = [length for length in _LENGTHS if length >= self._demand.least_minutes] or [
            self._demand.least_minutes
        ]
        later = start + timedelta(minutes=self._rng.choice(lengths))
        return max(start, min(later, self._clock)) if parts & {"updated", "modified"} else later

    def _within(self, low: datetime, high: datetime) -> datetime:
        low, high = (end.astimezone(self._clock.tzinfo) for end in (low, high))
        span = max(1, int((high - low).total_seconds()))
        moment = low + timedelta(seconds=self._rng.randrange(span) // 900 * 900)
        at_work = moment.replace(hour=self._rng.randint(8, 17), minute=self._rng.choice((0, 15, 30, 45)))
        return at_work if low <= at_work <= high else moment


def _beginning(made: Mapping[str, Any]) -> date | None:
    """The moment at which something begins, as its fields say so far."""
    for key, value in made.items():
        if set(words(key)) & _BEGINS:
            texts = value.values() if isinstance(value, dict) else (value,)
            for text in texts:
                if isinstance(text, str) and isinstance(moment := read_moment({}, text), date):
                    return moment
    return None


def _name_part(person: Person, parts: set[str]) -> str:
    if parts & {"first", "given"}:
        return person.first
    return person.name.split()[-1] if parts & {"last", "family"} else person.name


def _typed(schema: Schema, identity: str | int) -> str | int:
    match schema_type(schema):
        case "integer":
            return int(identity) if str(identity).isdigit() else identity
        case "string":
            return str(identity)
    return identity
