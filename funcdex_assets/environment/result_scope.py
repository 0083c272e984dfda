"""Holds what all builders of one result share: the schema, the call, the paths needed, and how much may still be built.

Belongs here: limits of a result's depth and breadth, so that recursive and huge schemas end.
"""

from dataclasses import dataclass, field
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import EntityStore, canonicalize_noun
from funcdex_assets.environment.field_values import FieldValues
from funcdex_assets.environment.needed_paths import NeededPaths
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.standing_things import StandingThing
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import is_valid_under

MAX_DEPTH = 7
MOST_SCALARS = 160  # of one result, beyond what must be there
MOST_VALUES = 2000  # begun, of all types; a schema that contains itself in many places would never end


@dataclass
class ResultBudget:
    """Counts the scalars filled in and the values of all types begun so far."""

    scalar_count: int = 0
    value_count: int = 0

    def has_no_room(self, depth: int) -> bool:
        """Returns whether optional fields are left out; what is deep inside leaves some room to what comes after it."""
        return self.scalar_count > MOST_SCALARS // (1 + depth // 2)

    def is_spent(self) -> bool:
        """Returns whether only what the schema requires may still be built."""
        return self.value_count > MOST_VALUES


@dataclass(frozen=True)
class ResultScope:
    """`root` is the response schema, to which references inside it refer."""

    root: Schema
    context: CallContext
    fields: FieldValues
    needed: NeededPaths
    budget: ResultBudget = field(default_factory=ResultBudget)

    @property
    def intent(self) -> CallIntent:
        return self.context.intent

    @property
    def entities(self) -> EntityStore:
        return self.context.entities

    def find_standing_thing(self, draft: ObjectDraft) -> StandingThing | None:
        """Returns which of the company's standing things an object shows, None if it shows another entity."""
        index = draft.known_fields.get("@standing")
        if index is None:
            return None
        return StandingThing(self.context.situation.domain, canonicalize_noun(draft.noun), index)

    def fits_schema(self, schema: Schema, value: Any) -> bool:
        return is_valid_under(schema, self.root, value)
