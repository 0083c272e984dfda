"""Chooses the texts of a result: names, titles, bodies, addresses, by the words of the field's name.

Belongs here: which kind of text a field holds. The texts themselves come from `language/values.py`.
"""

from collections.abc import Sequence
from functools import cached_property

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import canonicalize_noun, normalize_field_name
from funcdex_assets.environment.field_identifiers import draw_link, draw_uuid
from funcdex_assets.environment.field_moments import FieldMoments
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.result_people import ResultPeople
from funcdex_assets.environment.standing_things import StandingThing
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person, find_company_at
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun
from funcdex_assets.semantics.vocabulary import COMPANY_WORDS, OCCURRENCE_NOUNS

_DATE_LENGTH = 10  # of 2026-01-05
_TITLE_FRAMES = ("{} — open questions", "{}: next steps", "{} 2026", "{} (archive)", "{}: planning", "Notes on {}")
_VERSION_FRAMES = ("{} (draft)", "{} (copy)", "{}, revised", "{} — final version", "Notes on {}")


class FieldTexts:
    """The texts in one call's result; the title searched for is given away once, examples as rarely twice as can be."""

    def __init__(self, context: CallContext, people: ResultPeople, moments: FieldMoments):
        self._context, self._people, self._moments = context, people, moments
        self._searched_title = context.intent.searched_title
        self._shown_examples: dict[str, list[str]] = {}

    @cached_property
    def situation_words(self) -> frozenset[str]:
        """The words of what the conversation is about."""
        return frozenset(split_words(self._context.situation.matter))

    def list_titles_with(self, text: str) -> list[str]:
        """Returns titles of entities in which a searched text was found, the plain text first."""
        is_general = len(text.split()) < 3 or frozenset(split_words(text)) <= self.situation_words
        frames = _TITLE_FRAMES if is_general else _VERSION_FRAMES
        title = values.capitalize_sentence(text)
        return [title, *(frame.format(title) for frame in self._context.rng.sample(frames, len(frames)))]

    def choose_text(self, schema: Schema, name: str, name_words: set[str], draft: ObjectDraft) -> str:
        """Returns the text of a field; it may break the schema's lengths and pattern."""
        rng, person = self._context.rng, draft.person
        examples = [option for option in list_real_examples(schema) if isinstance(option, str)]
        meaning = decide_field_meaning(name, schema)
        is_declared = meaning.certainty == "declared"
        match schema.get("format"):
            case "email":
                return (person or self._people.choose_person(name)).email
            case "date-time" | "date" | "time":
                return self._moments.choose_moment(schema, name, draft)
            case "uri":
                return values.imitate_identifier(examples[0], rng) if examples else draw_link(draft.noun, self._context)
            case "uuid":
                return draw_uuid(rng)
        if examples and parse_moment({}, examples[0]) is not None:
            moment_format = "date" if len(examples[0]) == _DATE_LENGTH else "date-time"
            return self._moments.choose_moment({"format": moment_format}, name, draft)
        if meaning.role == "moment" and is_declared:
            return self._moments.choose_moment({**schema, "format": schema.get("format", "date-time")}, name, draft)
        if meaning.role == "email" and (is_declared or not examples):
            return (person or self._people.choose_person(name)).email
        if meaning.role == "zone":
            return self._context.situation.persona.time_zone
        if str(schema.get("pattern", "")).startswith("^\\+") or meaning.role == "phone":
            phone = values.invent_phone(rng)
            return (
                self._context.entities.personal_values.setdefault((person.email, "phone"), phone) if person else phone
            )
        if is_declared and meaning.role == "title":
            return self._choose_title()
        if is_declared and meaning.role == "link":
            return draw_link(draft.noun, self._context)
        personal_text = self._choose_personal_text(name, meaning, name_words, person)
        if personal_text is not None:
            return personal_text
        return self._choose_name_or_title(name, meaning, name_words, draft, examples)

    def _choose_personal_text(
        self, name: str, meaning: FieldMeaning, name_words: set[str], person: Person | None
    ) -> str | None:
        if person and name_words & COMPANY_WORDS:
            company = find_company_at(person.email.partition("@")[2])
            if company:
                return company
        if person and name_words & {"name", "names", "display", "owner", "full"}:
            return _choose_part_of_name(person, name_words)
        if meaning.role == "person" and "username" not in name_words:
            return _choose_part_of_name(self._people.choose_person(name), name_words)
        if name_words & {"job", "position", "occupation"}:
            return self._context.rng.choice(values.list_positions(self._context.situation))
        return None

    def _choose_name_or_title(
        self, name: str, meaning: FieldMeaning, name_words: set[str], draft: ObjectDraft, examples: Sequence[str]
    ) -> str:
        context = self._context
        contact = context.standing.contact if context.standing else None
        if contact and split_words(name) in (
            ("name",),
            ("display", "name"),
            ("title",),
        ):  # a client is a person or a firm
            company = find_company_at(contact.email.partition("@")[2])
            return contact.name if draft.noun == "customer" or not company else company
        other_entity = _find_other_entity(name, draft, context) if "name" in name_words else None
        if other_entity:
            return self._name_other_entity(*other_entity, name, examples)
        is_occurrence_title = draft.noun in OCCURRENCE_NOUNS and meaning.role == "title"
        series_title = _find_series_title(context) if is_occurrence_title else None
        if series_title:
            return series_title
        takes_searched_title = "name" in name_words or ("filename" in name_words and not examples)
        if name_words & {"title", "subject", "summary", "headline"} or (self._searched_title and takes_searched_title):
            return self._choose_title()
        if "filename" in name_words and context.intent.name.action == "copy" and "." in "".join(examples):
            title = next(
                (context.entities.find_entity(*key).get("title") for key in context.intent.parents.items()), None
            )
            if isinstance(title, str):
                return f"{title}.{examples[0].rpartition('.')[2]}"
        if examples:
            return self._choose_unshown_example(name, examples)
        if name_words & {"name", "filename", "label"}:
            return self._choose_title()
        if meaning.role == "text" and "answer" not in name_words:  # an answer is short
            first_name = context.situation.persona.name.split()[0]
            return values.invent_body(context.situation, context.rng, first_name)
        if name_words & {"link", "url", "href", "uri"}:
            return draw_link(draft.noun, context)
        return _choose_phrase(name_words, context)

    def _name_other_entity(self, noun: str, identity: str | int, name: str, examples: Sequence[str]) -> str:
        """Returns the name of an entity that the object only names; one that had none yet is called so from now on."""
        context = self._context
        entity = context.entities.find_entity(noun, identity)
        texts = (entity.get(key) for key in ("name", "title", "summary", "subject"))
        known_name = next((text for text in texts if isinstance(text, str)), None)
        if known_name:
            return known_name
        texts_of_other = self
        if "@standing" in entity:
            thing = StandingThing(context.situation.domain, canonicalize_noun(noun), entity["@standing"])
            own_context = context.narrow_to(thing, normalize_field_name(name))
            texts_of_other = FieldTexts(own_context, self._people, self._moments)
        text = texts_of_other._choose_unshown_example(name, examples) if examples else texts_of_other._choose_title()
        context.entities.remember_fields(noun, str(identity), {"name": text})
        return text

    def _choose_title(self) -> str:
        """Returns the title that was searched for, the first time; else one that fits the situation."""
        searched, self._searched_title = self._searched_title, None
        return (
            values.capitalize_sentence(searched)
            if searched
            else values.invent_title(self._context.situation, self._context.rng)
        )

    def _choose_unshown_example(self, name: str, examples: Sequence[str]) -> str:
        """Returns an example that this result does not show yet, as long as there is one."""
        if self._context.standing is not None:
            return examples[self._context.standing.choose_distinct_index(len(examples))]
        shown_examples = self._shown_examples.setdefault(name, [])
        example = self._context.rng.choice(
            [example for example in examples if example not in shown_examples] or examples
        )
        shown_examples.append(example)
        return example


def _choose_phrase(name_words: set[str], context: CallContext) -> str:
    """Returns one of a few values for fields such as `currency` or `city`, else keywords of the situation."""
    company = context.situation.persona.company
    choices = {
        "error": ("",),
        "currency": ("usd", "eur", "gbp"),
        "status": ("open", "in progress", "active"),
        "state": ("open", "in progress", "active"),
        "organization": (company,),
        "company": (company,),
        "city": values.CITIES,
        "location": values.PLACES,
        "place": values.PLACES,
    }
    options = next((options for word, options in choices.items() if word in name_words), None)
    return context.rng.choice(options) if options else values.choose_keywords(context.situation.matter, context.rng)


def _find_other_entity(name: str, draft: ObjectDraft, context: CallContext) -> tuple[str, str | int] | None:
    """Returns the noun and the identifier of the sprint for `sprint_name`, as the call or a field beside gives it."""
    *noun_words, last_word = split_words(name)
    if last_word != "name" or len(noun_words) != 1 or noun_words[0] == draft.noun:
        return None
    noun = noun_words[0]
    identities = (value for key, value in draft.filled.items() if is_id(key) and parse_resource_noun(key) == noun)
    identity = next(identities, None) or context.intent.identities.get(canonicalize_noun(noun))
    return (noun, identity) if isinstance(identity, str | int) else None


def _find_series_title(context: CallContext) -> str | None:
    """Returns the title of the series that an occurrence belongs to."""
    entities = (context.entities.find_entity(*key) for key in context.intent.parents.items())
    texts = (entity.get(field_name) for entity in entities for field_name in ("summary", "title", "name"))
    return next((text for text in texts if isinstance(text, str)), None)


def _choose_part_of_name(person: Person, name_words: set[str]) -> str:
    if name_words & {"first", "given"}:
        return person.first_name
    return person.name.split()[-1] if name_words & {"last", "family"} else person.name
