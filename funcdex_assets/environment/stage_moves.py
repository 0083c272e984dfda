"""Makes the name of a move between stages and the stage that it leads to agree: "Mark as Done" leads to "Done".

Belongs here: which words of a move's name mean which stage, and where a move that a call names leads to.

>>> fit_move({"name": "Start Progress", "to_status": "Done"}, {"to_status": {"enum": ["To Do", "In Progress", "Done"]}})
{'to_status': 'In Progress'}
>>> fit_move({"name": "Block", "to_stage": "Shipped"}, {})
{'name': 'Move to Shipped'}
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular

_STAGE_WORDS = {
    "done": "done complete completed resolve resolved close closed finish finished",
    "progress": "start progress doing",
    "review": "review",
    "blocked": "block blocked hold",
    "open": "reopen reopened open backlog new",
}
_STAGE_OF_WORD = {word: stage for stage, words in _STAGE_WORDS.items() for word in words.split()}
_TARGET_FIELDS = ("tostatus", "tostate", "tostage")  # by `normalize_field_name`
_UNSTARTED = ("to", "do")  # a stage whose words alone mean something else


def fit_move(fields: Mapping[str, Any], properties: Mapping[str, Schema]) -> dict[str, str]:
    """Returns the field to change so that name and target agree, with its new value; {} where they do.

    The target follows the name where its schema has a suitable option, else the name follows the target.
    """
    name = fields.get("name")
    target_key = next((key for key, value in fields.items() if _is_target(key) and isinstance(value, str)), None)
    if target_key is None or not isinstance(name, str):
        return {}
    target, stages = fields[target_key], find_stages(name)
    if not stages or stages & find_stages(target):
        return {}
    targets = (option for option in _list_options(properties.get(target_key, {})) if stages & find_stages(option))
    suitable_target = next(targets, None)
    if suitable_target is not None:
        return {target_key: suitable_target}
    names = (
        option for option in _list_options(properties.get("name", {})) if find_stages(option) & find_stages(target)
    )
    return {"name": next(names, f"Move to {target}")}


def find_target_stage(intent: CallIntent, entities: EntityStore) -> str | None:
    """Returns the stage that a call moves its object to, where it names a move that was listed before."""
    if intent.is_lookup:
        return None
    moves = (entities.find_entity(noun, identity) for noun, identity in intent.named_entities)
    targets = (value for move in moves for key, value in move.items() if key.startswith(_TARGET_FIELDS))
    names = (target.get("name") if isinstance(target, dict) else target for target in targets)
    return next((name for name in names if isinstance(name, str)), None)


def find_stages(text: str) -> frozenset[str]:
    """Returns the stages that the words of a stage or of a move's name mean."""
    words = split_words(text)
    stages = {_STAGE_OF_WORD[to_singular(word)] for word in words if to_singular(word) in _STAGE_OF_WORD}
    return frozenset(stages | {"open"} if words[-2:] == _UNSTARTED else stages)


def _is_target(key: str) -> bool:
    words = split_words(key)
    return len(words) > 1 and words[0] == "to"


def _list_options(schema: Schema) -> list[str]:
    options = schema.get("enum") or list_real_examples(schema)
    return [option for option in options if isinstance(option, str)]
