"""Plays the assistant: asks for missing facts, calls tools, and reports their outcome.

A model is asked in one of two ways. Under `ROLE` it answers with a `Move` as JSON, constrained so that each call names
a tool on offer and fits its parameters. Under `NATIVE` it sees the conversation as chat messages and the tools beside
them, and answers as it was trained to: with tool calls, or with text. Offline, the move follows from the plan.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from random import Random
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from funcdex_assets.dialogue.dialogue_state import Scene
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
    Completion,
    Constraint,
    JsonSchemaConstraint,
)
from funcdex_assets.language import request_phrases, result_reports, values
from funcdex_assets.language.lexicon import fill, moves, slots_of, turn_moves, unsaid
from funcdex_assets.language.spoken_values import quoted_part
from funcdex_assets.planning.arguments import assemble
from funcdex_assets.records.message import Message
from funcdex_assets.records.openai_messages import openai_tools
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles import user_simulator
from funcdex_assets.roles.role import Role, fill_prompt
from funcdex_assets.roles.tool_schemas import calls_schema
from funcdex_assets.schema.json_pointers import scalars
from funcdex_assets.schema.references import resolve
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import plural, words
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, parse_tool_name, resource_noun

MAX_PARALLEL = 4
_REWORDINGS = 3  # of a report in words that were used before
_SEVERAL = (
    "that's {count} of them done",
    "{count} are done",
    "{count} went through",
    "I could {what} in {count} cases",
    "done with {count}",
    "no trouble with {count} of them",
)
_decode_arguments = msgspec.json.Decoder(dict[str, Any]).decode


class Call(msgspec.Struct):
    """A call in a move: the name of a tool on offer and its arguments."""

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
    """Renders the values of the prompt's variables."""
    tools = [
        f"- {tool.name}: {tool.description}\n  arguments: {msgspec.json.encode(tool.parameters).decode()}"
        for tool in scene.offered.values()
    ]
    return {
        **_context(scene),
        "tools": "\n".join(tools),
        "thoughts": "Give your next step and its reason in `thought`." if scene.thoughts else "Leave `thought` null.",
        "transcript": scene.transcript(),
    }


def _context(scene: Scene) -> dict[str, object]:
    """Renders what the assistant knows without being told: the time, the time zone and the user."""
    persona = scene.situation.persona
    return {
        "today": persona.today,
        "time_zone": persona.time_zone,
        "user": f"{persona.name} <{persona.email}>, {persona.position} at {persona.company}",
    }


def _constraint(scene: Scene) -> Constraint:
    """Returns the JSON Schema of a move whose calls name tools on offer and fit their parameters."""
    text, nothing = {"type": "string"}, {"type": "null"}
    properties = {
        "thought": text if scene.thoughts else nothing,
        "reply": {"anyOf": [text, nothing]},
        "calls": calls_schema(tuple(scene.offered.values()), MAX_PARALLEL),
    }
    return JsonSchemaConstraint(
        "assistant",
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False},
    )


def _chat(scene: Scene) -> tuple[ChatMessage, ...]:
    """Renders the conversation as chat messages, with a short system prompt."""
    system = fill_prompt("assistant_native", _context(scene)).strip()
    return ChatMessage("system", system), *(_chat_message(message) for message in scene.messages)


def _chat_message(message: Message) -> ChatMessage:
    """Converts a message of the conversation into a chat message."""
    if message.result is not None:
        content = msgspec.json.encode(message.result.content).decode()
        return ChatMessage("tool", content, tool_call_id=message.result.call_id)
    calls = tuple(
        ChatToolCall(call.id, call.name, msgspec.json.encode(call.arguments).decode()) for call in message.tool_calls
    )
    return ChatMessage("user" if message.role == "user" else "assistant", message.content, calls)


def _move_of(completion: Completion) -> Move:
    """Reads a move from the tool calls and the text of a completion.

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
    """Makes the next move of the plan: asks for unsaid facts, makes the pending calls, or result_reports."""
    last_result = scene.messages[-1].result if scene.messages else None
    failed = scene.failed()
    if last_result is not None and last_result.error and failed is None:  # not as planned
        thought = "The call failed; the user has to know." if scene.thoughts else None
        return Move(thought=thought, reply="That did not work, I am afraid. Could you check what you gave me?")
    pending_steps = scene.pending()
    if pending_steps and (facts := scene.unsaid()):
        return _ask(scene, facts, rng)
    if pending_steps:
        is_recovery = failed is not None and pending_steps[0].tool in (failed.tool, failed.another)
        return _call(scene, pending_steps, failed if is_recovery else None, rng)
    if failed is not None:
        return _fault(scene, failed, rng)
    if scene.done_this_turn():
        return _report(scene, rng)
    return _talk(scene, rng)


def _call(scene: Scene, pending: Sequence[PlannedStep], failed: PlannedStep | None, rng: Random) -> Move:
    """Makes the next call, and those that are made at once with it. `failed` is the failed step that it makes good, if
    any.
    """
    steps = [pending[0], *takewhile(lambda step: step.together, pending[1:])]
    calls = []
    for step in steps:
        tool = scene.tools[step.tool]
        resolved = {
            argument.argument: _as_written(tool, argument, scene.resolve(argument), rng)
            for argument in step.arguments
            if argument.source == "result"
        }
        calls.append(Call(step.tool, assemble(step.arguments, resolved)))
    action = " and ".join(dict.fromkeys(request_phrases.doing(step.tool, rng) for step in steps))
    if failed is not None and failed.tool != steps[0].tool:
        slots = {"failed": request_phrases.doing(failed.tool, rng), "other": action}
        found_nothing = failed.fault in ("empty_result", "not_found")
        thoughts = turn_moves("thought_another_unfound" if found_nothing else "thought_another")
        thought = values.sentence(fill(rng.choice(thoughts), slots))
        reply = values.sentence(fill(rng.choice(turn_moves(f"another_note_{failed.fault}")), slots))
    elif failed is not None:
        thought, reply = rng.choice(turn_moves("thought_retry")), rng.choice(turn_moves(f"retry_note_{failed.fault}"))
    else:
        thought = (
            fill(rng.choice(turn_moves("thought_parallel")), {"what": action})
            if len(steps) > 1
            else _reason(scene, steps[0], rng)
        )
        reply = f"{values.sentence(request_phrases.doing(steps[0].tool, rng))} now." if rng.random() < 0.12 else ""
        reply = "" if reply in scene.replied else reply
    return Move(thought=thought if scene.thoughts else None, reply=reply or None, calls=calls)


def _fault(scene: Scene, step: PlannedStep, rng: Random) -> Move:
    """Reports what was done, then says honestly that a step failed and asks for what is needed."""
    faulty_pointer = scene.at_fault(step)
    at_fault = next((argument for argument in step.arguments if argument.argument == faulty_pointer), None)
    is_user_value = at_fault is not None and at_fault.source == "user"
    key = step.fault if step.fault != "not_found" else "not_found_value" if is_user_value else "not_found_thing"
    slots = {
        "doing": request_phrases.doing(step.tool, rng),
        "words": request_phrases.argument_words(faulty_pointer) if faulty_pointer else "value",
        "x": request_phrases.quote(at_fault) if is_user_value and at_fault else "that",
        "things": plural(parse_tool_name(step.tool).noun),
        "wait": _wait(scene.messages),
    }
    failure_report = values.sentence(fill(rng.choice(turn_moves(f"fault_{key}")), slots))
    earlier_reports = _reported(scene, rng)
    thought = fill(rng.choice(turn_moves("thought_fault")), {"what": slots["doing"]})
    return Move(
        thought=thought if scene.thoughts else None,
        reply="\n".join([*earlier_reports, failure_report]) if earlier_reports else failure_report,
    )


def _wait(messages: Sequence[Message]) -> str:
    """Says in words how long the service asked to wait."""
    content = next((message.result.content for message in reversed(messages) if message.result), None)
    seconds = next(
        (value for pointer, value in scalars(content) if "retry" in pointer.lower() and isinstance(value, int)), None
    )
    return "a moment" if seconds is None else f"{seconds} seconds"


def _talk(scene: Scene, rng: Random) -> Move:
    """Replies to a turn that needs no call, or for which no tool is on offer."""
    ability = {"able": request_phrases.able(list(scene.offered), rng)}
    match scene.now.kind:
        case "recall" if memory := user_simulator.remembered(scene):
            answers = [values.sentence(fill(form, memory.slots())) for form in turn_moves("recall_answer")]
            reply = rng.choice([text for text in answers if text not in scene.replied] or answers)
            return _said_so(scene, reply, "thought_recall", memory.slots(), rng)
        case "small_talk" | "recall":
            reply = fill(rng.choice(user_simulator.small_talk(scene)["assistant"]), ability)
            return _said_so(scene, values.worded(reply, scene.situation, rng), "thought_small_talk", {}, rng)
        case "dropped" | "thanks" if scene.now.kind == "dropped" or not scene.plan.steps:
            return _said_so(scene, rng.choice(turn_moves("dropped_reply")), "thought_small_talk", {}, rng)
        case "unsuitable" if scene.now.wanted:
            slots = {**ability, "action": request_phrases.infinitive(scene.now.wanted.tool, rng)}
            declined_before = any(turn.kind == "unsuitable" for turn in scene.plan.turns[: scene.turn])
            reply = fill(rng.choice(turn_moves("decline_again" if declined_before else "decline")), slots)
            return _said_so(scene, values.sentence(reply), "thought_decline", slots, rng)
        case _:
            pass
    return _farewell(scene, rng)


def _said_so(scene: Scene, reply: str, thought: str, slots: Mapping[str, str], rng: Random) -> Move:
    """Builds a move with this reply, and with a thought of that form if thoughts are wanted."""
    reason = fill(rng.choice(turn_moves(thought)), slots)
    return Move(thought=reason if scene.thoughts else None, reply=reply)


def _as_written(tool: Tool, argument: PlannedArgument, value: Json, rng: Random) -> Json:
    """Returns a value from a result as the call needs it: a title is put into the query language of a search
    argument.
    """
    name = argument.argument.rsplit("/", 1)[-1]
    schema = resolve(tool.parameters.get("properties", {}).get(name, {}), tool.parameters)
    is_query = isinstance(value, str) and schema_type(schema) == "string" and set(words(name)) & QUERY_WORDS
    if is_query and any(quoted_part(str(example)) for example in schema.get("examples", ())):
        return values.query_for(schema, value.replace("'", "").replace('"', ""), rng)
    return value


def _ask(scene: Scene, facts: list[PlannedArgument], rng: Random) -> Move:
    """Asks the user for the missing facts."""
    missing = request_phrases.missing(facts)
    thought = fill(rng.choice(moves("thought_asks")), {"missing": missing}) if scene.thoughts else None
    return Move(
        thought=thought,
        reply=values.sentence(fill(rng.choice(moves("assistant_asks")), {"missing": missing})),
    )


def _report(scene: Scene, rng: Random) -> Move:
    """Reports the outcome of the turn, in words that were not used before if it can."""
    steps = _worth_telling(scene)
    reply, earlier_text = _report_text(scene, steps, rng), scene.replied.lower()
    for _ in range(_REWORDINGS):
        if reply.lower() not in earlier_text:
            break
        reply = _report_text(scene, steps, rng)
    actions = " and ".join(request_phrases.doing(step.tool, rng) for _, step in steps[-2:])
    thought = (
        fill(rng.choice(moves("thought_replies")), {"what": f"the outcome of {actions}"}) if scene.thoughts else None
    )
    return Move(thought=thought, reply=reply)


def _report_text(scene: Scene, told: Sequence[tuple[int, PlannedStep]], rng: Random) -> str:
    """Composes the text of a report: an opening, the results, and now and then an offer of further help."""
    has_acted = parse_tool_name(told[-1][1].tool).action not in ("list", "get")
    earlier_text = scene.replied
    openings = unsaid(moves("assistant_opens", "acted" if has_acted else "found"), earlier_text)
    sentences = [rng.choice(openings)] if rng.random() < 0.7 else []
    sentences += _reported(scene, rng)
    if len(told) == 1 and (subject := _subject(scene, *told[0])) and subject not in sentences[-1]:
        sentences[-1] = f"{sentences[-1].removesuffix('.')} — {subject}."
    if rng.random() < 0.4:
        sentences.append(
            values.worded(rng.choice(unsaid(moves("assistant_offers"), earlier_text)), scene.situation, rng)
        )
    sentences = [sentence for sentence in sentences if sentence]
    return ("\n" if any("\n" in sentence for sentence in sentences) else " ").join(sentences).strip()


def _worth_telling(scene: Scene) -> list[tuple[int, PlannedStep]]:
    """Returns the steps of this turn that are reported, with their indices in the plan: acts, and look-ups whose result
    no later call took; at most the last `MAX_PARALLEL`.
    """
    successful = [item for item in scene.done_this_turn() if not item[1].fault]
    used_indices = {argument.step for _, step in successful for argument in step.arguments}
    return [
        (index, step)
        for index, step in successful
        if index not in used_indices or parse_tool_name(step.tool).action not in ("list", "get")
    ][-MAX_PARALLEL:]


def _reported(scene: Scene, rng: Random) -> list[str]:
    """Returns a sentence for each step that is reported; the same act on several things is reported once."""
    steps = _worth_telling(scene)
    acts_by_tool = Counter(step.tool for _, step in steps if parse_tool_name(step.tool).action not in ("list", "get"))
    sentences = []
    for index, step in steps:
        if acts_by_tool[step.tool] > 1:  # the same act on several things is reported once
            sentences.append(_several(scene, [same_index for same_index, same in steps if same.tool == step.tool], rng))
            acts_by_tool[step.tool] = -1
        elif acts_by_tool[step.tool] >= 0:
            tool, result, now = scene.tools[step.tool], scene.results[index], scene.situation.now
            sentences.append(result_reports.report(tool, _said(scene, step, rng), result, now, rng, scene.said_now))
    return sentences


def _several(scene: Scene, places: Sequence[int], rng: Random) -> str:
    """Reports the same act on several things at once, each named by its title or a detail of its result."""
    steps, now = scene.plan.steps, scene.situation.now
    names = []
    for index in places:
        label, details = result_reports.describe(scene.results[index], now)
        names.append(_subject(scene, index, steps[index]) or label or next(iter(details), ""))
    names = list(dict.fromkeys(name for name in names if name))
    action, count = (
        request_phrases.infinitive(steps[places[0]].tool, rng),
        {2: "both", 3: "all three"}.get(len(places), "all"),
    )
    lead = fill(rng.choice(_SEVERAL), {"count": count, "what": action})
    return values.sentence(f"{lead}: {'; '.join(names)}." if names else f"{lead}.")


def _subject(scene: Scene, index: int, step: PlannedStep) -> str:
    """Returns the title of the thing that a step worked on, as an earlier result gave it; '' if the call's own result
    says more.
    """
    parsed = parse_tool_name(step.tool)
    if parsed.action == "list" or result_reports.describe(scene.results[index], scene.situation.now)[0]:
        return ""
    ids = [
        argument
        for argument in step.arguments
        if argument.source == "result" and is_id(request_phrases.field_of(argument))
    ]
    # The sort is stable: the id of the tool's own noun comes first, the others keep their order.
    ids.sort(key=lambda argument: resource_noun(request_phrases.field_of(argument)) != parsed.noun)
    if not ids:
        return ""
    identity = scene.resolve(ids[0])
    titles = (result_reports.title_of(result, identity) for result in reversed(scene.results[:index]))
    return next((title for title in titles if title), "")


def _farewell(scene: Scene, rng: Random) -> Move:
    """Takes leave of the user."""
    thought = "The user is done; say goodbye without adding anything." if scene.thoughts else None
    return Move(thought=thought, reply=values.worded(rng.choice(moves("assistant_farewells")), scene.situation, rng))


def _said(scene: Scene, step: PlannedStep, rng: Random) -> dict[str, str]:
    """Returns the words for the arguments of a step, by slot of the report: the values that the user said, and titles
    from results.
    """
    words_by_slot = {
        request_phrases.slot(argument.argument): request_phrases.quote(argument)
        for argument in step.arguments
        if argument.source == "user"
    }
    for argument in step.arguments:
        if argument.source == "result" and argument.step is not None:
            noun = parse_tool_name(scene.plan.steps[argument.step].tool).noun
            value = scene.resolve(argument)
            is_words = isinstance(value, str) and not is_id(request_phrases.field_of(argument))
            words_by_slot[request_phrases.slot(argument.argument)] = (
                request_phrases.quote(replace(argument, value=value, surface=value))
                if is_words
                else request_phrases.reference(argument, noun, True, rng)
            )
    return words_by_slot


def _reason(scene: Scene, step: PlannedStep, rng: Random) -> str:
    """Explains the next call: what it is for, and which facts are at hand."""
    facts_at_hand = [
        f"the {request_phrases.argument_words(argument.argument)}"
        for argument in step.arguments
        if argument.source in ("user", "result")
    ]
    frames = [frame for frame in moves("thought_frames") if facts_at_hand or "have" not in slots_of(frame)]
    last_step = scene.pending()[-1]
    slots = {
        "why": request_phrases.doing(last_step.tool, rng),
        "action": request_phrases.doing(step.tool, rng),
        "have": " and ".join(list(dict.fromkeys(facts_at_hand))[:2]),
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
    tools=lambda scene: tuple(openai_tools(tuple(scene.offered.values()))),
    read=_move_of,
)
