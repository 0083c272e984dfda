"""Holds what every value in one call's result is made from.

Belongs here: the values that are fixed while a result is made. What changes meanwhile, such as the moments given away
already, belongs to the class that needs it.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.language.values import Situation


@dataclass(frozen=True)
class CallContext:
    """`clock` is the moment of the call; `rng` is the world's own and advances with every draw."""

    situation: Situation
    intent: CallIntent
    entities: EntityStore
    clock: datetime
    rng: Random
