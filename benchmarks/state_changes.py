"""Changes a world in random ways, reads it by all its readers, and counts the reads that are right.

    python benchmarks/state_changes.py [SEQUENCES] [SEED] [shipped | foreign] [--wrong]

By default 200 sequences per stratum over the shipped toolkits: 0, 1–2, 3–6 and 7–12 calls that change something, after
some look-ups. Then every reader of every changed thing, and of two that nobody changed, is called: what gets it, lists
it or searches for it. What must be read is known from the calls alone, by a simple model: what was made is as it was
made, what was updated is as updated and otherwise as before, what was deleted is not found and not listed. The model
shares no code with the world; it reads calls and results as the relations do (`checks/relations/`). What no
model can know from names, such as the state after a verb, is not expected. `--wrong` prints the reads that are wrong.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import foreign_toolkits
from offline import SETTINGS, tools_of
from plain_toolkits import SITUATION

from funcdex_assets.checks.relations.names import (
    CALL_WORDS,
    CHANGE_WORDS,
    NAME_WORDS,
    PASSING_WORDS,
    SETTING_VERBS,
    STATE_WORDS,
    is_id_name,
    is_page_name,
    is_sort_name,
    split_name,
    split_singular,
)
from funcdex_assets.checks.relations.steps import Step
from funcdex_assets.checks.relations.values import agree, list_fields, parse_moment
from funcdex_assets.environment.world import RefusedError, World
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool

STRATA: Mapping[str, tuple[int, int]] = {"0": (0, 0), "1–2": (1, 2), "3–6": (3, 6), "7–12": (7, 12)}
"""The least and the most calls that change something, by the name of the stratum."""
SEQUENCES = 200
_LOOKUPS = 3  # at the beginning, so that there is something to change
_MOST_UNCHANGED = 2  # things that nobody changed and that are read all the same
_TRIES = 40  # to find a tool whose arguments are known
_OPTIONAL_SHARE = 0.5  # of optional arguments that a change is made with
_WORDS = "amber basin cedar delta ember fjord grove heron inlet jetty kiosk ledge meadow nectar orbit pylon".split()
_SENDING_VERBS = frozenset("send publish submit".split())
_FINDING_VERBS = frozenset("search find".split())
_UNSURE_WORDS = STATE_WORDS | PASSING_WORDS | CHANGE_WORDS | CALL_WORDS
_LENGTHS = frozenset("nights days hours minutes seconds duration length".split())
_STATE_FIELDS = ("status", "state")
_MOST_ITEMS = 50


class Score(NamedTuple):
    """The reads of a stratum, those that were right, and what was wrong about the others."""

    reads: int
    right: int
    wrong: Sequence[str]


@dataclass
class KnownThing:
    """A thing as the calls tell: its fields by name, whether it was deleted, and where it was made."""

    noun: tuple[str, ...]
    identity: str
    fields: dict[str, Any] = field(default_factory=dict)
    is_made: bool = False
    is_changed: bool = False
    is_deleted: bool = False
    made_with: frozenset[str] = frozenset()

    @property
    def title(self) -> str | None:
        """The name that a call gave to it."""
        named = [value for name, value in self.fields.items() if set(name.split()) & NAME_WORDS or name == "content"]
        return next((value for value in named if isinstance(value, str)), None)


class StateSequence(NamedTuple):
    """The calls of one sequence so far, and what the model knows by them."""

    world: World
    tools: Mapping[str, Tool]
    things: dict[tuple[str, str], KnownThing]
    rng: Random


def measure(toolkits: Sequence[str], sequences: int, seed: int) -> dict[str, Score]:
    """Returns the score of each stratum over as many sequences, spread evenly over the toolkits."""
    scores = {}
    for stratum, (least, most) in STRATA.items():
        reads, wrong = 0, []
        for number in range(sequences):
            toolkit = toolkits[number % len(toolkits)]
            outcomes = list(_run_sequence(toolkit, least, most, f"{seed} {stratum} {number}"))
            reads += len(outcomes)
            wrong += [f"{toolkit} {outcome}" for outcome in outcomes if outcome]
        scores[stratum] = Score(reads, reads - len(wrong), wrong)
    return scores


def _run_sequence(toolkit: str, least: int, most: int, seed: str) -> Iterator[str]:
    """Yields for each read that could be wrong what is wrong about it, '' where all is right."""
    rng = Random(seed)
    sequence = StateSequence(World(SITUATION, rng.getrandbits(32)), tools_of(toolkit), {}, rng)
    for _ in range(_LOOKUPS):
        _call_any(sequence, {"read"})
    wanted = rng.randint(least, most)
    for _ in range(wanted):
        _call_any(sequence, {"create", "update", "delete", "other"})
    things = list(sequence.things.values())
    unchanged = [thing for thing in things if not thing.is_changed]
    read_again = rng.sample(unchanged, min(_MOST_UNCHANGED, len(unchanged)))
    for thing in [*(thing for thing in things if thing.is_changed), *read_again]:
        for tool in sequence.tools.values():
            yield from (outcome for outcome in _read(sequence, tool, thing) if outcome is not None)


def _call_any(sequence: StateSequence, actions: set[str]) -> None:
    """Calls any tool of these actions whose arguments can be drawn, and takes in what it tells."""
    tools = [tool for tool in sequence.tools.values() if _build_step(tool, {}, None).action in actions]
    for _ in range(_TRIES if tools else 0):
        tool = sequence.rng.choice(tools)
        arguments = _draw_arguments(sequence, tool)
        if arguments is None:
            continue
        content = _execute(sequence, tool, arguments)
        if content is not None:
            _learn(sequence, _build_step(tool, arguments, content))
            return


def _build_step(tool: Tool, arguments: Mapping[str, Any], content: Any) -> Step:
    return Step(ToolCall(id="", name=tool.name, arguments=arguments), 0, 0, content, False, tool)


def _execute(sequence: StateSequence, tool: Tool, arguments: Mapping[str, Any]) -> Any:
    """Returns the result of a call; None where the service refuses it."""
    try:
        return sequence.world.execute_call(tool, arguments)
    except RefusedError:
        return None


# ── arguments ────────────────────────────────────────────────────────────────────────────────


def _draw_arguments(sequence: StateSequence, tool: Tool) -> dict[str, Any] | None:
    """Returns arguments for a call; None where an identifier is needed that nobody has seen."""
    step, rng = _build_step(tool, {}, None), sequence.rng
    required = tool.parameters.get("required", ())
    arguments: dict[str, Any] = {}
    for name, schema in tool.parameters.get("properties", {}).items():
        is_optional = name not in required
        if is_optional and (step.action == "read" or is_id_name(name) or rng.random() > _OPTIONAL_SHARE):
            continue
        if is_id_name(name) and "default" not in schema:
            noun = split_singular(name)[-2:-1] or step.noun[-1:]
            known = [thing for thing in sequence.things.values() if thing.noun[-1:] == noun and not thing.is_deleted]
            if not known:
                return None
            arguments[name] = _convert(schema, rng.choice(known).identity)
        else:
            value = _draw_value(schema, rng)
            if value is None and not is_optional:
                return None
            if value is not None:
                arguments[name] = value
    if step.action == "update" and all(is_id_name(name) for name in arguments):
        return None
    return arguments


def _convert(schema: Mapping[str, Any], identity: str) -> Any:
    return int(identity) if schema.get("type") == "integer" and identity.isdigit() else identity


def _draw_value(schema: Mapping[str, Any], rng: Random) -> Any:
    """Returns any value for an argument; None for one that is no plain value."""
    if "default" in schema and rng.random() < 0.5:
        return schema["default"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if schema.get("examples") and schema.get("type") == "string":
        return rng.choice(schema["examples"])
    match schema.get("type"), schema.get("format"):
        case "string", "email":
            return f"{rng.choice(_WORDS)}.{rng.choice(_WORDS)}@fiberlake.com"
        case "string", "date":
            return f"2026-04-{rng.randint(10, 28)}"
        case "string", "date-time":
            return f"2026-04-{rng.randint(10, 28)}T{rng.randint(10, 16)}:00:00+02:00"
        case "string", None:
            if "pattern" in schema:
                return None
            return " ".join(rng.sample(_WORDS, 3)).capitalize()[: schema.get("maxLength", 99)].strip()
        case "integer", _:
            return rng.randint(schema.get("minimum", 1), min(schema.get("maximum", 60), schema.get("minimum", 1) + 60))
        case "number", _:
            return round(rng.uniform(schema.get("minimum", 1), schema.get("maximum", 60)), 2)
        case "boolean", _:
            return rng.random() < 0.5
    return None


# ── the model ────────────────────────────────────────────────────────────────────────────────


def _learn(sequence: StateSequence, step: Step) -> None:
    """Takes in what a call told and what its result shows of things that are new to the model."""
    told = _list_certain_fields(step.arguments)
    if step.created:
        thing = _know(sequence, step.created.noun, step.created.identities[0])
        thing.is_made = thing.is_changed = True
        thing.made_with = step.argument_texts
        thing.fields |= told
    named = [
        thing
        for thing in sequence.things.values()
        if thing.identity in step.argument_ids.values() and step.action != "read"
    ]
    own = [thing for thing in named if thing.noun[-1:] == step.noun[-1:]]
    for thing in named if step.action in ("update", "other") else ():
        thing.is_changed = True
        thing.fields = {name: value for name, value in thing.fields.items() if name not in _STATE_FIELDS}
        if step.call_verb in SETTING_VERBS and thing in own and len(own) == 1:
            if any(set(name.split()) & NAME_WORDS for name in told):  # it has no other name any more
                thing.fields = {
                    name: value for name, value in thing.fields.items() if not set(name.split()) & NAME_WORDS
                }
            if any(isinstance(value, str) and parse_moment(value) for value in told.values()):  # it lasts longer or not
                thing.fields = {name: value for name, value in thing.fields.items() if not set(name.split()) & _LENGTHS}
            thing.fields |= told
        else:  # no name tells what else it changes, nor whether it is listed where it was
            thing.fields = {name: value for name, value in thing.fields.items() if not _may_change(name, value, step)}
            thing.is_made = False
            thing.fields |= _find_state_after(step) if thing in own and len(own) == 1 else {}
    if step.action == "delete" and len(own) == 1 and len(step.argument_ids) == 1:
        own[0].is_deleted = own[0].is_changed = True
    if step.call_verb in _SENDING_VERBS:  # a draft that is sent is another thing
        for thing in own:
            del sequence.things[thing.noun[-1], thing.identity]
    for shown in step.things if step.action == "read" else ():
        if shown.identities and shown.noun:
            thing = _know(sequence, shown.noun, shown.identities[0])
            for name, value in _list_certain_fields(shown.fields).items():
                thing.fields.setdefault(name, value)


def _find_state_after(step: Step) -> dict[str, str]:
    """Returns the state that the verb names, where the result's schema has it: `approved` after `approve`."""
    participles = [step.call_verb + ending for ending in ("d", "ed", "n", "led")]
    options = {
        (name, option)
        for name, schema in _iterate_properties(step.tool.returns if step.tool else None)
        if name in _STATE_FIELDS
        for option in schema.get("enum", ())
    }
    return {name: option for name, option in options if option in participles}


def _iterate_properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items():
            if isinstance(part, dict):
                yield name, part
        for part in schema.values():
            yield from _iterate_properties(part)


def _may_change(name: str, value: Any, step: Step) -> bool:
    is_moment = isinstance(value, str) and parse_moment(value) is not None
    return isinstance(value, int | float) or is_moment or bool(set(name.split()) & step.words)


def _know(sequence: StateSequence, noun: tuple[str, ...], identity: str) -> KnownThing:
    return sequence.things.setdefault((noun[-1] if noun else "", identity), KnownThing(noun, identity))


def _list_certain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the scalars of arguments or of a thing that stay as they are until a call changes them."""
    return {
        name: value
        for name, value in list_fields(fields).items()
        if not name.endswith("#") and not set(name.split()) & _UNSURE_WORDS and value not in (None, "")
    }


# ── reads ────────────────────────────────────────────────────────────────────────────────────


def _read(sequence: StateSequence, tool: Tool, thing: KnownThing) -> Iterator[str | None]:
    """Yields one outcome for a tool that reads the thing, none for any other tool; None where nothing is expected."""
    step = _build_step(tool, {}, None)
    if step.action != "read" or step.noun[-1:] != thing.noun[-1:]:
        return
    names = list(tool.parameters.get("properties", {}))
    required = list(tool.parameters.get("required", ()))
    own = [
        name for name in names if is_id_name(name) and split_singular(name)[:-1] in ((), thing.noun, thing.noun[-1:])
    ]
    queries = [name for name in names if set(split_name(name)) & {"query", "q", "jql", "search"}]
    if own:
        if set(required) <= {own[0]}:
            schema = tool.parameters["properties"][own[0]]
            yield _check_get(sequence, tool, {own[0]: _convert(schema, thing.identity)}, thing)
    elif queries and (step.call_verb in _FINDING_VERBS or required == queries[:1]):
        if thing.title and set(required) <= {queries[0]}:
            query = _write_query(tool.parameters["properties"][queries[0]], thing.title)
            yield _check_search(sequence, tool, {queries[0]: query}, thing)
    elif all(is_id_name(name) for name in required):
        parents = _find_parents(sequence, tool, required, thing)
        if parents is not None:
            yield _check_list(sequence, tool, parents, thing)


def _write_query(schema: Mapping[str, Any], title: str) -> str:
    """Returns a search for a title, in the language that the schema's examples show."""
    example = next(iter(schema.get("examples", ())), "")
    quoted = re.search(r"(['\"])[^'\"]*\1", example)
    return f"{example[: quoted.start() + 1]}{title}{example[quoted.end() - 1 :]}" if quoted else title


def _find_parents(
    sequence: StateSequence, tool: Tool, required: Sequence[str], thing: KnownThing
) -> dict[str, Any] | None:
    """Returns the identifiers of the things in which the thing was made; None where they are not known."""
    parents = {}
    for name in required:
        noun = split_singular(name)[-2:-1]
        candidates = [
            other.identity
            for other in sequence.things.values()
            if other.noun[-1:] == noun and other.identity in thing.made_with and not other.is_deleted
        ]
        if not candidates:
            return None
        parents[name] = _convert(tool.parameters["properties"][name], candidates[0])
    return parents


def _check_get(sequence: StateSequence, tool: Tool, arguments: Mapping[str, Any], thing: KnownThing) -> str | None:
    content = _execute(sequence, tool, arguments)
    if thing.is_deleted:
        return "" if content is None else _tell(tool, thing, "is deleted, and is read")
    if content is None:
        return _tell(tool, thing, "is there, and is not found")
    shown = _find_shown(_build_step(tool, arguments, content), thing)
    return _compare(tool, thing, shown) if shown is not None else None


def _check_list(sequence: StateSequence, tool: Tool, parents: Mapping[str, Any], thing: KnownThing) -> str | None:
    limits = [
        name
        for name in tool.parameters.get("properties", {})
        if not is_page_name(name)
        and not is_sort_name(name)
        and {"limit", "max", "size", "top", "per"} & {*split_name(name)}
    ]
    schema = tool.parameters["properties"].get(limits[0], {}) if limits else {}
    limit = {limits[0]: min(_MOST_ITEMS, schema.get("maximum", _MOST_ITEMS))} if limits else {}
    arguments = {**parents, **limit}
    content = _execute(sequence, tool, arguments)
    if content is None:
        return _tell(tool, thing, "cannot be listed")
    step = _build_step(tool, arguments, content)
    shown = _find_shown(step, thing)
    if thing.is_deleted:
        return "" if shown is None else _tell(tool, thing, "is deleted, and is listed")
    if shown is None:
        has_identity = any(item.identities for item in step.items)
        is_expected = thing.is_made and step.is_whole_listing and step.noun == thing.noun and has_identity
        is_expected = is_expected and _can_show(tool.returns, thing)
        return _tell(tool, thing, "was made, and is not listed") if is_expected else None
    return _compare(tool, thing, shown)


def _check_search(sequence: StateSequence, tool: Tool, arguments: Mapping[str, Any], thing: KnownThing) -> str | None:
    content = _execute(sequence, tool, arguments)
    step = _build_step(tool, arguments, content)
    shown = _find_shown(step, thing)
    if thing.is_deleted:
        return "" if shown is None else _tell(tool, thing, "is deleted, and is found")
    if shown is None:
        is_expected = thing.is_made and _can_show(tool.returns, thing)
        return _tell(tool, thing, f"is not found by {arguments}") if is_expected else None
    return _compare(tool, thing, shown)


def _can_show(schema: Any, thing: KnownThing) -> bool:
    """Returns whether a result schema fixes no field to another value than the thing's; a list of open tasks does."""
    if isinstance(schema, list):
        return all(_can_show(part, thing) for part in schema)
    if not isinstance(schema, dict):
        return True
    fixed = {name: part["const"] for name, part in schema.items() if isinstance(part, dict) and "const" in part}
    is_other = any(thing.fields.get(name, value) != value for name, value in fixed.items())
    return not is_other and all(_can_show(part, thing) for part in schema.values())


def _find_shown(step: Step, thing: KnownThing) -> Mapping[str, Any] | None:
    shown = (one.fields for one in step.things if thing.identity in one.identities and one.noun[-1:] == thing.noun[-1:])
    return next(shown, None)


def _compare(tool: Tool, thing: KnownThing, shown: Mapping[str, Any]) -> str:
    for name, value in list_fields(shown).items():
        if name in thing.fields and not agree(value, thing.fields[name]):
            return _tell(tool, thing, f"{name} is {value!r}, and must be {thing.fields[name]!r}")
    return ""


def _tell(tool: Tool, thing: KnownThing, text: str) -> str:
    return f"{tool.name}: {' '.join(thing.noun)} {thing.identity} {text}"


def main(arguments: Sequence[str]) -> int:
    """Prints the table; returns 1 if any read is wrong."""
    plain = [argument for argument in arguments if not argument.startswith("--")]
    sequences, seed = (int(plain[at]) if len(plain) > at else default for at, default in ((0, SEQUENCES), (1, 42)))
    toolkits = foreign_toolkits.TOOLKITS if "foreign" in plain else tuple(SETTINGS.toolkits)
    scores = measure(toolkits, sequences, seed)
    print("| changes | sequences | reads | right | share |\n|---|---|---|---|---|")
    for stratum, score in scores.items():
        print(
            f"| {stratum} | {sequences} | {score.reads:,} | {score.right:,} | {score.right / max(1, score.reads):.1%} |"
        )
    if "--wrong" in arguments:
        print("\n".join(text for score in scores.values() for text in score.wrong))
    return int(any(score.wrong for score in scores.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
