"""The result of one call: the response schema, filled with what is said, known or made up.

For every part of the schema, in this order: what is known of the thing and still holds, what the call
said, and what `fields.py` makes up. Listings show known things that belong there before new ones.
Depth and breadth are bounded, so that recursive and huge schemas end.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from funcdex_assets.catalog.json_schema import Schema, at_pointer, fits, resolve, schema_type
from funcdex_assets.catalog.names import QUERY_WORDS, is_id, is_page_token, resource_noun, singular, words
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person
from funcdex_assets.language.samples import NoValueError, sample
from funcdex_assets.language.values import TITLES
from funcdex_assets.simulation.agreement import agree, relations
from funcdex_assets.simulation.demand import CallIntent
from funcdex_assets.simulation.effects import flag_after, linked_list, lists, state_after
from funcdex_assets.simulation.fields import PAST, FieldMaker, Surroundings
from funcdex_assets.simulation.listings import Pager, holds, ordered
from funcdex_assets.simulation.memory import (
    Memory,
    Thing,
    identifies,
    kind,
    noun_of,
    own_identities,
    plain,
    recalled,
    singular_words,
)
from funcdex_assets.simulation.mending import mended
from funcdex_assets.simulation.repeated_arguments import (
    find_repeated_argument,
    find_synonymous_text,
    find_written_text,
)

MAX_DEPTH = 7
MOST_FIELDS = 160  # of one result, beyond what must be there
MOST_PARTS = 2000
MOST_OPTIONAL = 30  # of one object, on average, where all objects have hundreds
NOTHING: Mapping[str, Any] = {}
LONGEST = 99
_FEW = 4  # fields of an object that only names another thing
_MOMENTS = frozenset("updated modified edited".split())
_STATE = frozenset("status state labels label_ids flags".split())
_ROLES = frozenset("reporter creator author owner lead organizer sender".split())
_ITS_OWN = _ROLES | frozenset("owners link url href permalink".split())
_ATTACHED = frozenset("attachment comment label tag attendee subtask reaction watcher reply note follower".split())
_UNTOUCHED = frozenset("starred shared trashed archived pinned flagged favorite".split())
_SENDERS = frozenset("from sender author creator organizer organiser owner reporter".split())
_NAMES = ("name", "title")  # one thing has either, and both are the same
_SOONEST = (frozenset({"start"}), False)
_DONE = frozenset("success successful ok sent deleted removed added notified".split())
_COUNTS = frozenset("count total estimate".split())
_COUNTED = _COUNTS | frozenset("result results size number of".split())
_ADDRESSED = frozenset(
    "to recipient recipients attendee attendees invitee invitees participant participants people".split()
)


class ResultMaker:
    """Makes one result. `needed` are paths that must be there, because a later call will use them."""

    def __init__(
        self,
        schema: Schema,
        demand: CallIntent,
        memory: Memory,
        fields: FieldMaker,
        needed: frozenset[str],
        rng: Random,
    ):
        self._root, self._demand, self._memory = schema, demand, memory
        self._fields, self._rng = fields, rng
        self._places = needed
        self._needed = frozenset(any_index(path) for path in needed)  # what one item must have, all have
        self._sizes = sizes(needed)
        self.pager = Pager(demand, memory, self._needed, rng)
        self._made = self._parts = 0
        self._parents: dict[str, Thing] = {}  # told of within the items of a listing, by noun
        objects = [
            key
            for key, part in schema.get("properties", {}).items()
            if self._is(part, "object") and not set(words(key)) & values.PEOPLE
        ]
        self._only_object = singular_words(objects[0]) if len(objects) == 1 else None
        self._inherited: Thing = {}
        if demand.name.action in ("send", "copy"):  # the copy of a thing is like it
            own = demand.object_identity
            copied = [memory.thing(demand.name.noun, own)] if own else []
            for thing in copied or [memory.thing(*named) for named in demand.identities.items()]:
                self._inherited |= {name: value for name, value in thing.items() if not name.startswith("@")}
            if demand.name.verb == "reply" and (subject := memory.subject_in(demand.parents)):
                self._inherited["subject"] = subject

    def make(self) -> Any:
        noun = self._demand.result_noun
        made = self.pager.turned(self._fill(self._root, "", "", noun, 0), self._root)
        around = Surroundings(noun)
        return mended(
            made,
            self._root,
            self._rng,
            lambda schema, name: self._fields.make(schema, name, around),
            self._needed,
        )

    def _fill(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, beside: Mapping[str, Any] = NOTHING
    ) -> Any:
        self._parts += 1
        if depth > MAX_DEPTH + 1 or self._parts > MOST_PARTS:  # it contains itself: as little as must be there
            try:
                return sample(schema, self._root, self._rng, None, self._needed, path, name, lean=True)
            except NoValueError:
                return None
        schema = resolve(schema, self._root)
        match schema_type(schema):
            case "object":
                return self._object(schema, path, self._surroundings(schema, path, name, noun, depth, beside), depth)
            case "array":
                return self._array(schema, path, name, noun, depth)
            case _:
                return self._leaf(schema, name, Surroundings(noun))

    # ── objects ──────────────────────────────────────────────────────────────────────────────

    def _surroundings(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, beside: Mapping[str, Any]
    ) -> Surroundings:
        properties = schema.get("properties", {})
        subject = self._is_subject(noun, depth)
        person = None
        if _is_person(name, properties):
            person = (self._fields.sought() if depth <= 1 else None) or self._person(name, subject)
        elif subject and self._demand.addressees and any("email" in words(key) for key in properties):
            person = self._fields.holder(self._demand.addressees[0])
        if noun == self._demand.name.verb:  # the `download` of a file is the file
            noun = self._demand.name.noun
        given = self._parent(noun) if "/*" in path else self._given(noun)
        known = self._memory.thing(noun, given) if given is not None else {}
        if "/*" in path and noun in self._parents:
            known = known | self._parents[noun]
        if not known and depth <= 1 and self._demand.viewed_noun and noun == self._demand.result_noun:
            known = self._memory.thing(self._demand.viewed_noun, self._demand.parents[self._demand.viewed_noun])
        if person and isinstance(address := known.get("email"), str):
            person = self._fields.holder(address)
        return Surroundings(noun, known, {}, person, subject, beside, given)

    def _refer(self, around: Surroundings, key: str, properties: Mapping[str, Any]) -> None:
        """An object that only names another thing, such as the folder of a file, tells of it what is known."""
        about = resource_noun(key)
        if about and kind(about) != kind(around.noun) and sum(map(is_id, properties)) == 1:
            around.known = self._memory.thing(about, around.made[key])

    def _person(self, name: str, subject: bool) -> Person:
        """A person of whom an object tells: the one whom the call addresses, if the object is about that one."""
        addressed = self._demand.addressees
        if subject and len(addressed) == 1:
            return self._fields.holder(addressed[0])
        return self._fields.someone(name)

    def _parent(self, noun: str) -> str | None:
        """Whose things a listing lists, as the call says: the customer within each of a customer's invoices."""
        demand = self._demand
        if not demand.is_listing or noun not in demand.identity_roles or kind(noun) == kind(demand.result_noun):
            return None
        return demand.parents.get(kind(noun))

    def _object(self, schema: Schema, path: str, around: Surroundings, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        share = min(1.0, MOST_OPTIONAL / max(1, len(properties)))
        few = depth > 0 and len(properties) <= _FEW
        for key, part in properties.items():
            place = f"{path}/{key}"
            if key in required or (depth < MAX_DEPTH and self._is_shown(place, key, depth, share, around.known)):
                around.made[key] = (
                    self._fill(part, place, key, noun_of(key, around.noun), depth + 1)
                    if depth > MAX_DEPTH
                    else self._property(resolve(part, self._root), place, key, around, depth)
                )
                if few and not around.known and is_id(key):
                    self._refer(around, key, properties)
        _count(around.made, properties)
        if relations(tuple(around.made)) is not None:
            text = find_written_text(self._demand) if around.subject else ""
            agree(around.made, lambda key, value: self._fits(properties[key], value), text, self._fields.zone)
        if around.identity is not None and "/*" in path and around.noun not in self._parents:
            self._parents[around.noun] = {plain(key): value for key, value in around.made.items()}
        return around.made

    def _property(self, schema: Schema, path: str, key: str, around: Surroundings, depth: int) -> Any:
        remembered = self._remembered(schema, key, around)
        suits = remembered is not None and self._holds_needed(path, remembered)
        if suits and around.subject and isinstance(remembered, dict) and not self._demand.is_lookup:
            noun = noun_of(key, around.noun)  # somebody else is assigned
            given = self._given(noun)
            suits = given is None or str(given) in (own_identities(remembered, noun) or (str(given),))
        scalar = schema_type(schema) not in ("object", "array")
        another = scalar and around.subject and bool(self._demand.links and self._linked(key))  # than was put on before
        if suits and not another and not self._changes(key, around) and self._fits(schema, remembered):
            return remembered
        made_here = "@made" in around.known or (around.subject and self._demand.creates_entity)
        if made_here and (own := self._as_made(schema, path, key, around, depth)) is not None:
            return own
        if scalar:
            return self._leaf(schema, key, around)
        if around.subject:
            said = self._demand.said_values.get(plain(key))
            if (
                isinstance(said, list | dict)
                and not self._demand.links
                and self._holds_needed(path, said)
                and self._fits(schema, said)
            ):
                return said
            if isinstance(said, dict) and schema_type(schema) == "object":
                made = self._fill(schema, path, key, noun_of(key, around.noun), depth + 1, around.made)
                parts = schema.get("properties", {})
                return made | {
                    field: value
                    for field, value in said.items()
                    if field in parts
                    and self._holds_needed(f"{path}/{field}", value)
                    and self._fits(parts[field], value)
                }
            people = self._people(schema, path, key, depth) if self._demand.addressees else None
            if people and self._holds_needed(path, people):
                return people
        noun = noun_of(key, around.noun)
        if schema_type(schema) == "array" and self._parts <= MOST_PARTS:
            made = self._array(schema, path, key, noun, depth + 1, around)
            return self._with_links(schema, key, made, around)
        return self._fill(schema, path, key, noun, depth + 1, around.made)

    def _as_made(self, schema: Schema, path: str, key: str, around: Surroundings, depth: int) -> Any:
        """A field of what the user made: by whom it is, for whom, and nothing in it that was not put there."""
        said, type_ = set(words(key)), schema_type(schema)
        if type_ == "array":
            least = schema.get("minItems", 0)
            bare = {singular(word) for word in said} & _ATTACHED and not least and not self._is_needed_below(path)
            told = self._demand.said_values.get(plain(key)) or around.known.get("@told", {}).get(plain(key))
            put = (
                told or around.known.get("@links") or self._demand.links or (around.subject and self._demand.addressees)
            )
            empty = bare and not put and not self._children(noun_of(key, around.noun), around)
            return [] if empty and self._fits(schema, []) else None
        if type_ == "boolean" and said & _UNTOUCHED and plain(key) not in self._demand.said_values:
            return False if self._fits(schema, False) else None
        if type_ != "object":
            return None
        told = self._demand.said_values.get(plain(key)) if around.subject else None
        told = told or around.known.get("@told", {}).get(plain(key))
        if self._given(noun_of(key, around.noun)) is not None:
            return None
        if isinstance(told, str) and "@" in told:
            person = self._fields.holder(told)
        elif said & _SENDERS and _is_person(key, schema.get("properties", {})):
            person = self._fields.someone("me")
        else:
            return None
        return self._object(schema, path, Surroundings(noun_of(key, around.noun), person=person), depth + 1)

    def _remembered(self, schema: Schema, key: str, around: Surroundings) -> Any:
        """What is known of this field of the thing, as it is by now."""
        name = plain(key)
        remembered = recalled(around.known, key, schema_type(schema)) if around.known else None
        if (
            remembered is None
            and around.known
            and name in _NAMES
            and not {around.noun, kind(around.noun)} & values.PEOPLE
        ):
            remembered = next((around.known[other] for other in _NAMES if other in around.known), None)
        if remembered is None and around.known and not is_id(key):
            told = self._told(key, around.known)
            if told is not None:
                return told
            verb = around.known.get("@state", "")
            if verb and schema_type(schema) == "boolean":
                return flag_after(verb, key)
            if verb and set(words(key)) & {"status", "state"} and "enum" in schema:
                return state_after(verb, schema["enum"])
        if remembered is None and self._inherited and around.subject and not is_id(key):
            remembered = None if set(words(key)) & (PAST | _STATE | _ITS_OWN) else self._inherited.get(name)
        if isinstance(remembered, list | dict) and self._memory.changes:
            noun = noun_of(key, around.noun)
            remembered = self._memory.current(remembered, noun)
            if isinstance(remembered, list):
                remembered = self._with_links(schema, key, remembered, around)
                listed = [self._memory.known_as(part, noun) for part in remembered if isinstance(part, dict)]
                children = self._children(noun, around)
                if any(child not in listed for child in children):
                    return None  # made anew, with them
        return remembered

    def _told(self, key: str, known: Thing) -> Any:
        """What a call said that made or changed the thing, under another name that means the same."""
        told = known.get("@told")
        if not told:
            return None
        return find_synonymous_text(key, told)

    def _with_links(self, schema: Schema, key: str, made: list[Any], around: Surroundings) -> list[Any]:
        """The list with what was put on the thing and without what was taken off, as far as that is valid."""
        for links in ("@links", "@unlinks"):
            for noun in around.known.get(links, ()):
                if lists(key, noun):
                    other = linked_list(made, noun, key, around.known)
                    if other != made and self._fits(schema, other):
                        made = other
        return made

    def _children(self, noun: str, around: Surroundings) -> list[Thing]:
        """What was made in this thing since it became known."""
        if not self._memory.changes or around.identity is None:
            return []
        return [
            thing
            for thing in self._memory.things(noun).values()
            if "@made" in thing and thing.get("@parents", {}).get(kind(around.noun)) == str(around.identity)
        ]

    def _people(self, schema: Schema, path: str, name: str, depth: int) -> Any:
        """The people whom the call addressed, as the result lists them under `to` or `attendees`."""
        if not {*words(name), singular_words(name)} & _ADDRESSED:
            return None
        one = schema_type(schema) != "array"
        items = resolve(schema if one else schema.get("items", {}), self._root)
        if schema_type(items) != "object" or "email" not in items.get("properties", {}):
            return None
        people = [
            self._object(items, f"{path}/*", Surroundings(name, person=self._fields.holder(address)), depth + 1)
            for address in dict.fromkeys(self._demand.addressees)
        ]
        return people[0] if one else people

    def _leaf(self, schema: Schema, name: str, around: Surroundings) -> Any:
        """A scalar: repeated from the call where the object is its subject or a filter applies."""
        self._made += 1
        filters = self._demand.is_listing and not set(words(name)) & QUERY_WORDS
        if around.subject and self._demand.links and (linked := self._linked(name)) and self._fits(schema, linked):
            return linked
        if (
            filters
            and (asked := self._demand.criteria.filter_for_field(name)) is not None
            and self._fits(schema, asked)
        ):
            return asked
        if (around.subject or filters) and not is_id(name) and not is_page_token(name):
            said = find_repeated_argument(self._demand, name)
            if said is not None and self._fits(schema, said):
                return said
        return self._fields.make(schema, name, around)

    def _linked(self, name: str) -> str | None:
        """What the call put on something, by its name: `added_label`."""
        if is_id(name) or not words(name):
            return None
        about = kind(singular(words(name)[-1]))
        link = next((link for link in self._demand.links if link.noun == about), None)
        if link is None:
            return None
        thing = self._memory.thing(link.noun, link.value)
        return next((thing[key] for key in ("name", "title") if isinstance(thing.get(key), str)), link.value)

    # ── arrays ───────────────────────────────────────────────────────────────────────────────

    def _array(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, around: Surroundings | None = None
    ) -> list[Any]:
        items = resolve(schema.get("items", {}), self._root)
        least, most = min(schema.get("minItems", 0), LONGEST), schema.get("maxItems", LONGEST)
        wanted = max(least, 1 if self._is_needed_below(path) else 0, self._sizes.get(path, 0))
        if depth >= MAX_DEPTH or (self._is_full(depth) and not self._is_needed_below(path)):
            return [self._fill(items, f"{path}/*", name, noun, depth + 1) for _ in range(least)]
        if schema_type(items) != "object":
            return self._scalars(items, path, name, noun, depth, wanted if self._sizes.get(path) else least)
        main = depth <= 2 and "/*" not in path and (self._demand.is_listing or self._demand.mentions_noun(noun))
        people = _is_person(name, items.get("properties", {}))
        if main:
            named = self._demand.addressees or self._demand.searched_person_name
            alone = bool(named and people) or self._seeks_another_title()
            known, size = self.pager.page(path, noun, items, self._root, alone)
        else:
            known = self._children(noun, around) if around else []
            expected = around.known.get(f"{plain(noun)}count") if around else None
            size = self._rng.choice((0, 1, 1, 2)) if not isinstance(expected, int) or expected > LONGEST else expected
            if self._demand.is_listing and self._demand.criteria.filter_for_field(name) is True:
                size = max(1, size)
        if self._is_full(depth):
            size = 1
        size = min(max(size, wanted, len(known)), most)
        made: list[dict[str, Any]] = []
        for index in range(size):
            thing = known[index] if index < len(known) else {}
            item = self._item(items, f"{path}/*", name, noun, depth, thing, main)
            if main and not thing:
                if self._demand.criteria.search_words or self._demand.criteria.title_filters:
                    fits_in = self._bring_to_match(item, items, made)
                    if not fits_in and index >= max(1, wanted):
                        break
                if made:
                    self._tell_apart(item, items, noun, made)
            made.append(item)
        if main:  # what was searched for comes first, then what is new
            first = 1 if self._demand.searched_title and not self._demand.criteria.sort_order else 0
            made[first:] = ordered(made[first:], self._demand.criteria.sort_order) or by_time(made[first:])
        return made

    def _item(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, known: Thing, main: bool
    ) -> dict[str, Any]:
        person: Person | None = None
        properties = schema.get("properties", {})
        if _is_person(name, properties):
            person = self._fields.sought() if main and not known else None
            person = person or self._fields.someone(name)
        elif main and self._demand.addressees and any("email" in words(key) for key in properties):
            person = self._fields.holder(self._rng.choice(self._demand.addressees))  # when one of them is busy
        made = self._object(schema, path, Surroundings(noun, known, person=person), depth + 1)
        if "@nameless" in known:
            self._memory.name(noun, known, made)
        return made

    def _seeks_another_title(self) -> bool:
        """Whether a search asks for a title that nothing about the matter would have by chance."""
        return bool(self._demand.searched_title) and not self._demand.criteria.search_words <= self._fields.matter

    def _bring_to_match(self, item: dict[str, Any], schema: Schema, others: Sequence[Mapping[str, Any]]) -> bool:
        """What a search finds has the words that were searched for, in its title if nowhere else. False where no title
        is left that has them.
        """
        demand = self._demand
        for name in demand.criteria.title_filters:
            shown = [other.get(name) for other in others]
            if isinstance(title := item.get(name), str) and title in shown:
                others_like_it = [other for other in self._fields.titles_with(title) if other not in shown]
                fitting = (other for other in others_like_it if self._fits(schema["properties"][name], other))
                item[name] = next(fitting, title)
        if not demand.criteria.search_words or holds(item, demand.criteria.search_words, demand.criteria.in_titles):
            return True
        properties = schema.get("properties", {})
        texts = [key for key in item if isinstance(item[key], str) and not is_id(key) and key in properties]
        key = next((key for key in texts if set(words(key)) & TITLES), None)
        key = key or next((key for key in texts if set(words(key)) & values.BODIES), None)
        if key is None:
            return True
        shown = {other.get(key) for other in others}
        for title in self._fields.titles_with(demand.criteria.queries[0].text):
            if title not in shown and self._fits(properties[key], title):
                item[key] = title
                return True
        return False

    def _tell_apart(self, item: dict[str, Any], schema: Schema, noun: str, others: Sequence[Mapping[str, Any]]) -> None:
        """No two things in a listing have one identifier."""
        for key in [key for key in item if identifies(key, noun)]:
            if any(item[key] == other.get(key) for other in others):
                item[key] = self._fields.new_identity(resolve(schema["properties"][key], self._root), noun, item)

    def _scalars(self, items: Schema, path: str, name: str, noun: str, depth: int, least: int) -> list[Any]:
        size = max(least, self._rng.choice((1, 1, 2)))
        if "enum" in items:
            options = [option for option in items["enum"] if option is not None]
            asked = self._demand.criteria.filter_for_field(name) if self._demand.is_listing else None
            asked = [one for one in (asked if isinstance(asked, list) else [asked]) if one in options]
            return asked or self._rng.sample(options, min(size, len(options)))
        if self._demand.is_listing and (asked := self._demand.criteria.filter_for_field(name)) is not None:
            asked = asked if isinstance(asked, list) else [asked]
            if all(self._fits(items, one) for one in asked):
                return asked
        return [self._fill(items, f"{path}/*", name, noun, depth + 1) for _ in range(size)]

    # ── questions ────────────────────────────────────────────────────────────────────────────

    def _is_subject(self, noun: str, depth: int) -> bool:
        """Whether this object is the very thing that the call names or makes."""
        if depth == 0 or (depth == 1 and noun in ("data", "result")):
            return True
        if self._demand.is_listing:
            return False
        return kind(noun) == kind(self._demand.name.noun) or (depth == 1 and noun == self._only_object)

    def _given(self, noun: str) -> str | int | None:
        """The identity by which the call names the one thing of this kind; a new thing has none yet."""
        demand = self._demand
        made_anew = demand.creates_entity and kind(noun) == kind(demand.name.noun)
        own = kind(noun) == kind(demand.name.noun) and kind(noun) not in demand.identities
        if own and demand.name.action == "get" and len(demand.addressees) == 1:
            return self._memory.of_address(noun, demand.addressees[0])
        another = noun in _ROLES and not self._demand.is_lookup and noun not in self._demand.identity_roles
        return None if made_anew or another else self._demand.identities.get(kind(noun))

    def _changes(self, key: str, around: Surroundings) -> bool:
        """A field that this call sets, or that any change moves."""
        if self._demand.is_lookup or not around.subject:
            return False
        said, verb = set(words(key)), self._demand.name.verb
        if find_repeated_argument(self._demand, key) is not None and not is_id(key) and not self._demand.links:
            return True
        if said & {"status", "state"} and not is_id(key):
            return bool(
                state_after(verb, (verb, "closed", "open", "paid", "canceled", "archived"))
            ) and "@state" not in (around.known)
        return bool(said & (_MOMENTS | _DONE)) or flag_after(verb, key) is not None

    def _is_full(self, depth: int) -> bool:
        """Whether there is no room for more; what is deep inside leaves some to what comes after it."""
        return self._made > MOST_FIELDS // (1 + depth // 2)

    def _is_shown(self, path: str, key: str, depth: int, share: float, known: Thing) -> bool:
        """Optional fields are there when needed or said, else now and then (less often where there are very many);
        never errors.
        """
        if any(needed == path or needed.startswith(f"{path}/") for needed in self._needed):
            return True
        if self._is_full(depth):
            return False
        if is_page_token(key):
            return depth <= 3
        if plain(key) in known or (
            self._demand.criteria.sort_order and self._demand.criteria.sort_order.field_words & set(words(key))
        ):
            return True
        if set(words(key)) & {"error", "errors", "warning"}:
            return False
        likely = share * (0.3 if self._demand.creates_entity else 0.65)
        return plain(key) in self._demand.said_values or self._rng.random() < likely

    def _is_needed_below(self, path: str) -> bool:
        return any(needed.startswith(f"{path}/") for needed in self._needed)

    def _holds_needed(self, path: str, value: Any) -> bool:
        """Whether a value at a path has all in it that a later call will use."""
        below = [needed.removeprefix(path) for needed in self._places if needed.startswith(f"{path}/")]
        return all(at_pointer(value, rest) not in (None, "", [], {}) for rest in below)

    def _is(self, schema: Schema, wanted: str) -> bool:
        return schema_type(resolve(schema, self._root)) == wanted

    def _fits(self, schema: Schema, value: Any) -> bool:
        return fits(schema, self._root, value)


def any_index(path: str) -> str:
    """A path in which every index is `*`: what one item must have, the others have too."""
    return "/".join("*" if step.isdigit() else step for step in path.split("/"))


def sizes(needed: frozenset[str]) -> dict[str, int]:
    """How many items lists must have at least, because a path goes through an index: `/threads/2/id` needs three."""
    found: dict[str, int] = {}
    for path in needed:
        steps = path.split("/")
        for index, step in enumerate(steps):
            if step.isdigit():
                place = any_index("/".join(steps[:index]))
                found[place] = max(found.get(place, 0), int(step) + 1)
    return found


def by_time(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Listed things by their date: what is past newest first, what begins soonest first."""
    first = items[0] if items else {}
    key = next((key for key in first if set(words(key)) & PAST and isinstance(first[key], str)), None)
    if key is not None and all(isinstance(item.get(key), str) for item in items):
        return sorted(items, key=lambda item: item[key], reverse=True)
    return ordered(items, _SOONEST) or items


def _is_person(name: str, properties: Mapping[str, Any]) -> bool:
    if not any({"email", "phone"} & set(words(key)) for key in properties):
        return False
    named = any("name" in words(key) for key in properties) and any("email" in words(key) for key in properties)
    return named or bool(set(words(singular_words(name))) & values.PEOPLE)


def _count(made: dict[str, Any], properties: Mapping[str, Schema]) -> None:
    """Counts say how many things are listed beside them: `message_count` beside `messages`."""
    listed = next(((key, part) for key, part in made.items() if isinstance(part, list)), None)
    if listed is None:
        return
    name, items = listed
    nouns = {*words(name), *(singular(word) for word in words(name))}
    for key, value in made.items():
        parts = set(words(key))
        if isinstance(value, int) and not isinstance(value, bool) and parts & _COUNTS and parts <= _COUNTED | nouns:
            schema, size = properties.get(key), len(items)
            schema = schema if isinstance(schema, Mapping) else {}
            made[key] = max(schema.get("minimum", 0), min(size, schema.get("maximum", size)))
