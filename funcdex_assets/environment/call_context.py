"""Holds what every value in one call's result is made from.

Belongs here: the values that are fixed while a result is made. What changes meanwhile, such as the moments given away
already, belongs to the class that needs it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.environment.standing_things import StandingThing
from funcdex_assets.language.values import Situation


@dataclass(frozen=True)
class CallContext:
    """`clock` is the moment of the call; `rng` is the call's own and advances with every draw. `seed` is the world's.
    `standing` is the thing of the company of which a field is filled in, `initial_state` the one in which what the call
    makes is at first.
    """

    situation: Situation
    intent: CallIntent
    entities: EntityStore
    clock: datetime
    rng: Random
    seed: int
    standing: StandingThing | None = None
    initial_state: str = ""

    def narrow_to(self, thing: StandingThing, field_name: str) -> "CallContext":
        """Returns the context in which a field of a standing thing is chosen: the same in every conversation."""
        return replace(
            self,
            rng=thing.build_generator(field_name),
            standing=thing,
            situation=thing.settle(self.situation),
        )
