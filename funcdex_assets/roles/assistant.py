"""Plays the assistant: asks for what is missing, calls tools, reports what came of it.

A model is asked in one of two ways. Under `ROLE` it answers with a `Move` as JSON, constrained so that
each call names a tool on offer and fits its parameters. Under `NATIVE` it sees the conversation as chat
messages and the tools beside them, and answers as it was trained to: with tool calls, or with text.
"""

from random import Random
from typing import Annotated, Any

import msgspec

from funcdex_assets.catalog.json_schema import at_pointer, resolve, schema_type
from funcdex_assets.catalog.names import QUERY_WORDS, parse_tool_name, words
from funcdex_assets.export.openai_messages import openai_tools
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
    Completion,
    Constraint,
    JsonSchemaConstraint,
)
from funcdex_assets.language import phrases, reports, values
from funcdex_assets.language.facts import assemble
from funcdex_assets.language.lexicon import fill, moves, slots_of
from funcdex_assets.language.spoken import quoted_part
from funcdex_assets.records import Json, Message, PlannedArgument, PlannedStep, Tool
from funcdex_assets.roles.role import Role, fill_prompt
from funcdex_assets.roles.tool_schemas import calls_schema
from funcdex_assets.simulation.scene import Scene

MAX_PARALLEL = 4
_decode_arguments = msgspec.json.Decoder(dict[str, Any]).decode


class Call(msgspec.Struct):
    name: str
    arguments: dict[str, Json]


class Move(msgspec.Struct):
    """Either calls (several at once only if they do not depend on each other), or a reply.

    Raises:
        ValueError: it is neither, so there is nothing to go on with.
    """

    thought: str | None = None
    reply: str | None = None
    calls: Annotated[list[Call], msgspec.Meta(max_length=MAX_PARALLEL)] = []

    def __post_init__(self) -> None:
        if not self.calls and not (self.reply or "").strip():
            raise ValueError("neither a reply nor a call")


# ── asking a model ────────────────────────────────────────────────────────────────────────────


def _variables(scene: Scene) -> dict[str, object]:
    tools = [
        f"- {tool.name}: {tool.description}\n  arguments: {msgspec.json.encode(tool.parameters).decode()}"
        for tool in scene.tools.values()
    ]
    return {
        **_context(scene),
        "tools": "\n".join(tools),
        "thoughts": "Give your next step and its reason in `thought`." if scene.thoughts else "Leave `thought` null.",
        "transcript": scene.transcript(),
    }


def _context(scene: Scene) -> dict[str, object]:
    persona = scene.situation.persona
    return {
        "today": persona.today,
        "time_zone": persona.time_zone,
        "user": f"{persona.name} <{persona.email}>, {persona.position} at {persona.company}",
    }


def _constraint(scene: Scene) -> Constraint:
    text, nothing = {"type": "string"}, {"type": "null"}
    properties = {
        "thought": text if scene.thoughts else nothing,
        "reply": {"anyOf": [text, nothing]},
        "calls": calls_schema(tuple(scene.tools.values()), MAX_PARALLEL),
    }
    return JsonSchemaConstraint(
        "assistant",
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False},
    )


def _chat(scene: Scene) -> tuple[ChatMessage, ...]:
    system = fill_prompt("assistant_native", _context(scene)).strip()
    return ChatMessage("system", system), *(_chat_message(message) for message in scene.messages)


def _chat_message(message: Message) -> ChatMessage:
    if message.result is not None:
        content = msgspec.json.encode(message.result.content).decode()
        return ChatMessage("tool", content, tool_call_id=message.result.call_id)
    calls = tuple(
        ChatToolCall(call.id, call.name, msgspec.json.encode(call.arguments).decode()) for call in message.tool_calls
    )
    return ChatMessage("user" if message.role == "user" else "assistant", message.content, calls)


def _move_of(completion: Completion) -> Move:
    """
    Raises:
        ValueError: the arguments of a call are no JSON object, there are too many calls, or nothing is said.
    """
    if completion.finish_reason == "length":
        raise ValueError(f"an answer that was cut: {completion.text[:200]!r}")
    if len(completion.tool_calls) > MAX_PARALLEL:
        raise ValueError(f"{len(completion.tool_calls)} calls at once, more than {MAX_PARALLEL}")
    calls = [Call(call.name, _decode_arguments(call.arguments or "{}")) for call in completion.tool_calls]
    return Move(reply=completion.text, calls=calls)


# ── improvising ───────────────────────────────────────────────────────────────────────────────


def _improvise(scene: Scene, rng: Random) -> Move:
    last = scene.messages[-1].result if scene.messages else None
    if last is not None and last.error:
        thought = "The call failed; the user has to know." if scene.thoughts else None
        return Move(thought=thought, reply="That did not work, I am afraid. Could you check what you gave me?")
    pending = scene.pending()
    if not pending:
        return _report(scene, rng) if scene.done_this_turn() else _farewell(scene, rng)
    unsaid = scene.unsaid()
    if unsaid:
        return _ask(scene, unsaid, rng)
    step = pending[0]
    tool = scene.tools[step.tool]
    resolved = {
        argument.argument: _as_written(tool, argument, scene.resolve(argument), rng)
        for argument in step.arguments
        if argument.source == "result"
    }
    return Move(
        thought=_reason(scene, step, rng) if scene.thoughts else None,
        reply=f"{values.sentence(phrases.doing(step.tool, rng))} now." if rng.random() < 0.12 else None,
        calls=[Call(step.tool, assemble(step.arguments, resolved))],
    )


def _as_written(tool: Tool, argument: PlannedArgument, value: Json, rng: Random) -> Json:
    """A found title put into the query language of the argument that it fills."""
    name = argument.argument.rsplit("/", 1)[-1]
    schema = resolve(tool.parameters.get("properties", {}).get(name, {}), tool.parameters)
    searches = isinstance(value, str) and schema_type(schema) == "string" and set(words(name)) & QUERY_WORDS
    if searches and any(quoted_part(str(example)) for example in schema.get("examples", ())):
        return values.query_for(schema, value.replace("'", "").replace('"', ""), rng)
    return value


def _ask(scene: Scene, unsaid: list[PlannedArgument], rng: Random) -> Move:
    missing = phrases.missing(unsaid)
    thought = fill(rng.choice(moves("thought_asks")), {"missing": missing}) if scene.thoughts else None
    return Move(
        thought=thought,
        reply=values.sentence(fill(rng.choice(moves("assistant_asks")), {"missing": missing})),
    )


def _report(scene: Scene, rng: Random) -> Move:
    done = scene.done_this_turn()
    told = [item for item in done if parse_tool_name(item[1].tool).action not in ("list", "get")]
    if done[-1] not in told:
        told.append(done[-1])
    acted = parse_tool_name(done[-1][1].tool).action not in ("list", "get")
    parts = [rng.choice(moves("assistant_opens", "acted" if acted else "found"))] if rng.random() < 0.7 else []
    for index, step in told[-3:]:
        tool = scene.tools[step.tool]
        parts.append(reports.report(tool, _said(scene, step, rng), scene.results[index], scene.situation.now, rng))
    if len(told) == 1 and (about := _subject(scene, *told[0])) and about not in parts[-1]:
        parts[-1] = f"{parts[-1].removesuffix('.')} — {about}."
    if rng.random() < 0.4:
        offer = values.worded(rng.choice(moves("assistant_offers")), scene.situation, rng)
        parts.append(offer)
    reply = (
        "\n".join(part for part in parts if part)
        if any("\n" in part for part in parts)
        else " ".join(part for part in parts if part)
    )
    what = " and ".join(phrases.doing(step.tool, rng) for _, step in told[-2:])
    thought = fill(rng.choice(moves("thought_replies")), {"what": f"the outcome of {what}"}) if scene.thoughts else None
    return Move(thought=thought, reply=reply.strip())


def _subject(scene: Scene, index: int, step: PlannedStep) -> str:
    """The title of the thing that a step worked on, as an earlier result gave it; '' if the call's own
    result says more.
    """
    now = scene.situation.now
    if parse_tool_name(step.tool).action == "list" or reports.describe(scene.results[index], now)[0]:
        return ""
    things = [
        at_pointer(scene.results[argument.step], argument.result.rpartition("/")[0])
        for argument in step.arguments
        if argument.source == "result" and argument.step is not None and argument.result
    ]
    labels = (reports.describe(thing, now)[0] for thing in (*things, *scene.results[:index][::-1]))
    return next((label for label in labels if label), "")


def _farewell(scene: Scene, rng: Random) -> Move:
    thought = "The user is done; say goodbye without adding anything." if scene.thoughts else None
    return Move(thought=thought, reply=values.worded(rng.choice(moves("assistant_farewells")), scene.situation, rng))


def _said(scene: Scene, step: PlannedStep, rng: Random) -> dict[str, str]:
    said = {
        phrases.slot(argument.argument): phrases.quote(argument)
        for argument in step.arguments
        if argument.source == "user"
    }
    for argument in step.arguments:
        if argument.source == "result" and argument.step is not None:
            noun = parse_tool_name(scene.plan.steps[argument.step].tool).noun
            said[phrases.slot(argument.argument)] = phrases.reference(argument, noun, True, rng)
    return said


def _reason(scene: Scene, step: PlannedStep, rng: Random) -> str:
    have = [
        f"the {phrases.argument_words(argument.argument)}"
        for argument in step.arguments
        if argument.source in ("user", "result")
    ]
    frames = [frame for frame in moves("thought_frames") if have or "have" not in slots_of(frame)]
    last = scene.pending()[-1]
    slots = {
        "why": phrases.doing(last.tool, rng),
        "action": phrases.doing(step.tool, rng),
        "have": " and ".join(list(dict.fromkeys(have))[:2]),
    }
    return values.sentence(fill(rng.choice(frames), slots))


ROLE = Role("assistant", Move, _variables, _improvise, constraint=_constraint)
NATIVE = Role(
    "assistant",
    Move,
    _context,
    _improvise,
    prompt=_chat,
    constraint=lambda _: None,
    tools=lambda scene: tuple(openai_tools(tuple(scene.tools.values()))),
    read=_move_of,
)
