"""Plays the assistant: asks for missing facts, calls tools, and reports their outcome.

A model is asked in one of two ways. Under `ROLE` it answers with a `Move` as JSON, constrained so that each call names
a tool on offer and fits its parameters. Under `NATIVE` it sees the conversation as chat messages and the tools beside
them, and answers as it was trained to: with tool calls, or with text. Offline, the move follows from the plan.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from random import Random
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.rules.changes import VERBS_TO_DOUBT, needless_change, removed_stranger
from funcdex_assets.dialogue import item_choices
from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
    Completion,
    Constraint,
    JsonSchemaConstraint,
)
from funcdex_assets.language import act_reports, request_phrases, result_reports, values
from funcdex_assets.language.lexicon import (
    fill_slots,
    find_slots,
    load_lexicon_file,
    load_moves,
    load_turn_moves,
    select_unused_templates,
)
from funcdex_assets.language.result_values import join_words, render_money
from funcdex_assets.language.spoken_values import find_quoted_part, is_minor_unit
from funcdex_assets.language.timeliness import is_refusal, keep_timely
from funcdex_assets.language.tool_reading import LOOK_UP_FAMILIES, read_tool
from funcdex_assets.planning.arguments import assemble_arguments
from funcdex_assets.records.declared_meaning import without_declared_meanings
from funcdex_assets.records.message import Message
from funcdex_assets.records.openai_messages import read_call_arguments, to_openai_tools
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles import user_simulator
from funcdex_assets.roles.role import Role, fill_prompt, render_lessons
from funcdex_assets.roles.tool_schemas import build_calls_schema
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.references import resolve_schema, schema_at
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

MAX_PARALLEL = 4
_BEGINS = re.compile(r"\b(?:first|start)\b")  # of a question that is asked before anything is done
_SECONDS = re.compile(r"\b(\d+) seconds\b")
MOST_LINES = 11  # of a reply; one with more lines would be read by nobody, and no grammar of a conversation allows it
_MOST_OPTIONS_OFFERED = 4
_MAX_REWORDINGS = 3  # of a report in words that were used before
_SEVERAL_DONE = (
    "that's {count} of them done ({what})",
    "{count} are done ({what})",
    "{what} went through for {count}",
    "{what} is done, {number} in all",
    "done with {what} for {count}",
    "no trouble with {what}, {count} of them",
)
_DENIES_ALL = re.compile(
    r"\b(?:nothing|untouched|no change|reach your account|nowhere|no harm|logged out|signed out|this account)\b",
    re.IGNORECASE,
)
"""In reports of a failure that would be false beside a success of the same turn."""
_REQUEST_END = re.compile(r"(?<=[.?!])\s|\n|,? (?:and then|then|after that|and also)\b,?", re.IGNORECASE)
_SPOKEN_KEY = re.compile(r"[A-Z][A-Z0-9]*-\d+")


class Call(msgspec.Struct):
    """A call in a move: the name of a tool on offer and its arguments, an object however it was written.

    Raises:
        ValueError: the arguments are no object.
    """

    name: str
    arguments: Any = None

    def __post_init__(self) -> None:
        self.arguments = read_call_arguments(self.arguments)


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


def _render_variables(state: DialogueState) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    tools = [
        f"- {tool.name}: {tool.description}\n"
        f"  arguments: {msgspec.json.encode(without_declared_meanings(tool.parameters)).decode()}"
        for tool in state.offered_tools.values()
    ]
    return {
        **_render_context(state),
        "tools": "\n".join(tools),
        "thoughts": ("Give your next step and its reason in `thought`." if state.thoughts else "Leave `thought` null.")
        + render_lessons(state.lessons),
        "transcript": state.render_transcript(),
    }


def _render_context(state: DialogueState) -> dict[str, object]:
    """Renders what the assistant knows without being told: the time, the time zone and the user."""
    persona = state.situation.persona
    return {
        "today": persona.today,
        "time_zone": persona.time_zone,
        "user": f"{persona.name} <{persona.email}>, {persona.position} at {persona.company}",
    }


def _constrain_move(state: DialogueState) -> Constraint:
    """Returns the JSON Schema of a move whose calls name tools on offer and fit their parameters."""
    text, nothing = {"type": "string"}, {"type": "null"}
    properties = {
        "thought": text if state.thoughts else nothing,
        "reply": {"anyOf": [text, nothing]},
        "calls": build_calls_schema(tuple(state.offered_tools.values()), MAX_PARALLEL),
    }
    return JsonSchemaConstraint(
        "assistant",
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False},
    )


def _render_chat(state: DialogueState) -> tuple[ChatMessage, ...]:
    """Renders the conversation as chat messages, with a short system prompt."""
    system = fill_prompt("assistant_native", _render_context(state)).strip() + render_lessons(state.lessons)
    return ChatMessage("system", system), *(_to_chat_message(message) for message in state.messages)


def _to_chat_message(message: Message) -> ChatMessage:
    """Converts a message of the conversation into a chat message."""
    if message.result is not None:
        content = msgspec.json.encode(message.result.content).decode()
        return ChatMessage("tool", content, tool_call_id=message.result.call_id)
    calls = tuple(
        ChatToolCall(call.id, call.name, msgspec.json.encode(call.arguments).decode()) for call in message.tool_calls
    )
    return ChatMessage("user" if message.role == "user" else "assistant", message.content, calls)


def _read_move(completion: Completion) -> Move:
    """Reads a move from the tool calls and the text of a completion.

    Raises:
        ValueError: the arguments of a call are no JSON object, there are too many calls, or nothing is said.
    """
    if completion.finish_reason == "length":
        raise ValueError(f"an answer that was cut: {completion.text[:200]!r}")
    if len(completion.tool_calls) > MAX_PARALLEL:
        raise ValueError(f"{len(completion.tool_calls)} calls at once, more than {MAX_PARALLEL}")
    calls = [Call(call.name, call.arguments) for call in completion.tool_calls]
    return Move(reply=completion.text, calls=calls)


# ── improvising ───────────────────────────────────────────────────────────────────────────────


def _improvise_move(state: DialogueState, rng: Random) -> Move:
    """Makes the next move of the plan: asks for unsaid facts, makes the pending calls, or result_reports."""
    last_result = state.messages[-1].result if state.messages else None
    failed = state.find_unresolved_failure()
    if last_result is not None and last_result.error and failed is None:  # not as planned
        thought = "The call failed; the user has to know." if state.thoughts else None
        return Move(thought=thought, reply=_report_unplanned_error(last_result.content))
    wanted = state.current_turn.wanted
    if state.current_turn.kind == "incomplete" and wanted is not None:
        return _ask_for_facts(state, [argument for argument in wanted.arguments if argument.withheld], rng)
    pending_steps = state.list_pending_steps()
    if pending_steps and state.list_unsaid_facts_of_step(pending_steps[0]):
        return _ask_for_facts(state, state.list_unsaid_facts(), rng)
    if pending_steps and (open_choice := item_choices.find_open_choice(state)):
        return _ask_which_one(state, *open_choice, rng)
    if pending_steps:
        is_recovery = failed is not None and pending_steps[0].tool in (failed.tool, failed.another)
        return _call_next_tools(state, pending_steps, failed if is_recovery else None, rng)
    if failed is not None:
        return _report_failure(state, failed, rng)
    if state.plan.is_spoken:
        return _reply_briefly(state, rng)
    if state.list_steps_done_this_turn():
        return _report_outcome(state, rng)
    return _reply_without_call(state, rng)


def _report_unplanned_error(content: Any) -> str:
    """Says what the service objected to, in its own words."""
    texts = (text for pointer, text in list_scalars(content) if pointer.endswith(("message", "detail", "error")))
    objection = next((text.strip().rstrip(".") for text in texts if isinstance(text, str) and " " in text), "")
    reason = f": {objection}" if objection else ", I am afraid"
    return f"That did not work{reason}. Could you check what you gave me?"


def _reply_briefly(state: DialogueState, rng: Random) -> Move:
    """Says that a command was carried out, answers a greeting or thanks, or says what cannot be done; nothing more is
    known, as the tools return nothing.
    """
    moves = load_lexicon_file("command_turns")
    steps = [step for _, step in state.list_steps_done_this_turn()]
    if steps:
        tool = state.tools[steps[-1].tool]
        reading = read_tool(tool)
        if reading.trigger:
            forms = moves["triggers"][reading.trigger]["reply"]
        else:
            is_look_up = bool(LOOK_UP_FAMILIES & set(reading.families[:1]))
            forms = (
                moves["shown"] if is_look_up else moves["noted"] if reading.families == ("plain",) else moves["done"]
            )
        thought = "thought_replies"
    else:
        forms = moves["small_thanks"] if state.current_turn.kind == "thanks" else moves["declines"]
        thought = "thought_decline" if state.current_turn.kind == "off_topic" else "thought_small_talk"
    slots = {"what": "that it is done", "action": "do that", "able": "what the tools do"}
    reason = (
        fill_slots(rng.choice(load_moves(thought) if thought == "thought_replies" else load_turn_moves(thought)), slots)
        if state.thoughts
        else None
    )
    return Move(thought=reason, reply=rng.choice(forms))


def _call_next_tools(
    state: DialogueState, pending_steps: Sequence[PlannedStep], failed_step: PlannedStep | None, rng: Random
) -> Move:
    """Makes the next call, and those that are made at once with it. `failed` is the failed step that it makes good, if
    any.
    """
    steps = [
        pending_steps[0],
        *takewhile(lambda step: step.together and not state.list_unsaid_facts_of_step(step), pending_steps[1:]),
    ]
    calls = []
    for step in steps:
        tool = state.tools[step.tool]
        resolved = {
            argument.argument: _write_as_query(tool, argument, state.resolve_argument(argument), rng)
            for argument in step.arguments
            if argument.source == "result"
        }
        calls.append(Call(step.tool, assemble_arguments(step.arguments, resolved)))
    action = " and ".join(dict.fromkeys(request_phrases.render_tool_gerund(step.tool, rng) for step in steps))
    if failed_step is not None and failed_step.tool != steps[0].tool:
        slots = {"failed": request_phrases.render_tool_gerund(failed_step.tool, rng), "other": action}
        found_nothing = failed_step.fault in ("empty_result", "not_found")
        thoughts = load_turn_moves("thought_another_unfound" if found_nothing else "thought_another")
        thought = values.capitalize_sentence(fill_slots(rng.choice(thoughts), slots))
        reply = values.capitalize_sentence(
            fill_slots(rng.choice(load_turn_moves(f"another_note_{failed_step.fault}")), slots)
        )
    elif failed_step is not None:
        thought, reply = (
            rng.choice(load_turn_moves("thought_retry")),
            rng.choice(load_turn_moves(f"retry_note_{failed_step.fault}")),
        )
    else:
        thought = (
            fill_slots(rng.choice(load_turn_moves("thought_parallel")), {"what": action})
            if len(steps) > 1
            else _explain_next_call(state, steps[0], rng)
        )
        reply = (
            f"{values.capitalize_sentence(request_phrases.render_tool_gerund(steps[0].tool, rng))} now."
            if rng.random() < 0.12
            else ""
        )
        reply = "" if reply in state.assistant_text or state.plan.is_spoken else reply
    return Move(thought=thought if state.thoughts else None, reply=reply or None, calls=calls)


def _report_failure(state: DialogueState, step: PlannedStep, rng: Random) -> Move:
    """Reports what was done, then says honestly which step failed and asks for what is needed."""
    faulty_pointer = state.find_faulty_argument(step)
    at_fault = next((argument for argument in step.arguments if argument.argument == faulty_pointer), None)
    is_user_value = at_fault is not None and at_fault.source == "user"
    key = step.fault if step.fault != "not_found" else "not_found_value" if is_user_value else "not_found_thing"
    slots = {
        "doing": request_phrases.render_tool_gerund(step.tool, rng) + _name_failed_call(state, step),
        "words": request_phrases.render_argument_name(faulty_pointer) if faulty_pointer else "value",
        "x": request_phrases.quote_free_text(at_fault) if is_user_value and at_fault else "that",
        "things": to_plural(parse_tool_name(step.tool).noun),
        "wait": _describe_wait(state.messages),
    }
    earlier_reports = _report_steps(state, rng)
    wordings = load_turn_moves(f"fault_{key}")
    if earlier_reports:  # something was done, and the same account was reached
        wordings = [wording for wording in wordings if not _DENIES_ALL.search(wording)] or wordings
    failure_report = values.capitalize_sentence(fill_slots(rng.choice(wordings), slots))
    thought = fill_slots(rng.choice(load_turn_moves("thought_fault")), {"what": slots["doing"]})
    return Move(
        thought=thought if state.thoughts else None,
        reply="\n".join([*earlier_reports, failure_report]) if earlier_reports else failure_report,
    )


def _name_failed_call(state: DialogueState, failed_step: PlannedStep) -> str:
    """Names the thing or the recipient of a failed call, if it was one of several: ` for "Gym roof"`; else ''."""
    steps_done = state.list_steps_done_this_turn()
    if len(steps_done) < 2:
        return ""
    index = next(index for index, step in steps_done if step is failed_step)
    title = _find_named_thing(state, index, failed_step)
    recipient = next(
        (
            str(value)
            for argument in failed_step.arguments
            if isinstance(value := _resolve_value(state, argument), str)
            and ("@" in value or value.startswith("+") or request_phrases.parse_field_name(argument) == "to")
        ),
        "",
    )
    if title:
        return f" for {title}"
    return f" for {recipient}" if recipient and " " not in recipient else ""


def _resolve_value(state: DialogueState, argument: PlannedArgument) -> Any:
    """Returns the value that a planned argument had in its call."""
    return state.resolve_argument(argument) if argument.source == "result" else argument.value


def _describe_wait(messages: Sequence[Message]) -> str:
    """Says in words how long the service asked to wait."""
    results = [message.result for message in reversed(messages) if message.result]
    content = next((result.content for result in results if result.error), None)
    seconds = next(
        (value for pointer, value in list_scalars(content) if "retry" in pointer.lower() and isinstance(value, int)),
        None,
    )
    if seconds is None and (named := _SECONDS.search(msgspec.json.encode(content).decode())):
        seconds = int(named[1])
    return "a moment" if seconds is None else f"{seconds} seconds"


def _reply_without_call(state: DialogueState, rng: Random) -> Move:
    """Replies to a turn that needs no call, or for which no tool is on offer."""
    ability = {"able": request_phrases.phrase_abilities(list(state.offered_tools), rng)}
    match state.current_turn.kind:
        case "recall" if memory := user_simulator.find_recalled_detail(state):
            was_said = memory.value.lower() in state.assistant_text.lower()
            answers = [
                values.capitalize_sentence(fill_slots(form, memory.to_slots()))
                for form in load_turn_moves("recall_answer" if was_said else "recall_answer_unsaid")
            ]
            reply = rng.choice([text for text in answers if text not in state.assistant_text] or answers)
            return _build_reply(state, reply, "thought_recall", memory.to_slots(), rng)
        case "small_talk" | "recall":
            reply = fill_slots(rng.choice(user_simulator.choose_small_talk(state)["assistant"]), ability)
            return _build_reply(
                state, values.fill_from_situation(reply, state.situation, rng), "thought_small_talk", {}, rng
            )
        case "dropped" | "thanks" if state.current_turn.kind == "dropped" or not state.plan.steps:
            return _build_reply(state, rng.choice(load_turn_moves("dropped_reply")), "thought_small_talk", {}, rng)
        case "unsuitable" if state.current_turn.wanted:
            slots = {**ability, "action": request_phrases.render_tool_infinitive(state.current_turn.wanted.tool, rng)}
            declined_before = any(turn.kind == "unsuitable" for turn in state.plan.turns[: state.turn_index])
            reply = fill_slots(rng.choice(load_turn_moves("decline_again" if declined_before else "decline")), slots)
            return _build_reply(state, values.capitalize_sentence(reply), "thought_decline", slots, rng)
        case _:
            pass
    return _take_leave(state, rng)


def _build_reply(state: DialogueState, reply: str, thought_form: str, slots: Mapping[str, str], rng: Random) -> Move:
    """Builds a move with this reply, and with a thought of that form if thoughts are wanted."""
    reason = fill_slots(rng.choice(load_turn_moves(thought_form)), slots)
    return Move(thought=reason if state.thoughts else None, reply=reply)


def _write_as_query(tool: Tool, argument: PlannedArgument, value: Json, rng: Random) -> Json:
    """Returns a value from a result as the call needs it: a title is put into the query language of a search
    argument.
    """
    name = argument.argument.rsplit("/", 1)[-1]
    schema = resolve_schema(tool.parameters.get("properties", {}).get(name, {}), tool.parameters)
    is_query = (
        isinstance(value, str)
        and schema_type(schema) == "string"
        and decide_field_meaning(name, schema).role == "query"
    )
    if is_query and any(find_quoted_part(str(example)) for example in schema.get("examples", ())):
        return values.render_query(schema, value.replace("'", "").replace('"', ""), rng)
    return value


def _ask_for_facts(state: DialogueState, facts: list[PlannedArgument], rng: Random) -> Move:
    """Reports what could be done without the missing facts, and asks the user for them."""
    missing = request_phrases.render_missing_arguments(facts)
    thought = fill_slots(rng.choice(load_moves("thought_asks")), {"missing": missing}) if state.thoughts else None
    asks = load_moves("assistant_asks")
    if state.list_steps_done_this_turn():
        asks = [ask for ask in asks if not _BEGINS.search(ask)]
    question = _offer_options(state, facts, rng) or values.capitalize_sentence(
        fill_slots(rng.choice(asks), {"missing": missing})
    )
    return Move(thought=thought, reply=_add_to_reports(state, question, rng))


def _ask_which_one(state: DialogueState, argument: PlannedArgument, choice: item_choices.Choice, rng: Random) -> Move:
    """Asks which of several things the user means, and names them."""
    source = state.plan.steps[argument.step or 0].tool
    noun = item_choices.find_listed_noun(source, argument.result or "")
    if choice.holder:
        noun = to_singular(split_words(choice.holder)[-1])
    titles = choice.titles if choice.can_be_named else [""] * len(choice.items)
    questions = [request_phrases.phrase_question_which(titles, noun, rng) for _ in range(_MAX_REWORDINGS)]
    question = next((text for text in questions if text not in state.assistant_text), questions[0])
    thought = fill_slots(rng.choice(load_moves("thought_asks")), {"missing": f"which {noun or 'one'} is meant"})
    return Move(thought=thought if state.thoughts else None, reply=question)


def _add_to_reports(state: DialogueState, question: str, rng: Random) -> str:
    """Returns the question after a report of what was done since the user spoke, if anything was."""
    reports = _report_steps(state, rng) if state.list_steps_done_this_turn() and not state.plan.is_spoken else []
    return (
        " ".join([*reports, question]) if not any("\n" in text for text in reports) else "\n".join([*reports, question])
    )


def _offer_options(state: DialogueState, facts: Sequence[PlannedArgument], rng: Random) -> str:
    """Asks somebody who says little for one of the few values that an argument can have: "Open or close?"; '' if there
    are more or none.
    """
    wanted = state.current_turn.wanted
    if not state.plan.is_spoken or wanted is None or len(facts) != 1:
        return ""
    fact = facts[0]
    schema = schema_at(state.tools[wanted.tool].parameters, fact.argument)
    options = [str(option).replace("_", " ") for option in (schema or {}).get("enum", ()) if option is not None]
    if not 2 <= len(options) <= _MOST_OPTIONS_OFFERED:
        return ""
    listed = f"{', '.join(options[:-1])} or {options[-1]}"
    name = request_phrases.render_argument_name(fact.argument)
    return values.capitalize_sentence(
        rng.choice((f"{listed}?", f"{listed}?", f"which {name}: {listed}?", f"sure, {listed}?"))
    )


def _report_outcome(state: DialogueState, rng: Random) -> Move:
    """Reports the outcome of the turn, in words that were not used before if it can."""
    steps = _select_steps_to_report(state)
    reply, earlier_text = _compose_report(state, steps, rng), state.assistant_text.lower()
    for _ in range(_MAX_REWORDINGS):
        if reply.lower() not in earlier_text:
            break
        reply = _compose_report(state, steps, rng)
    actions = " and ".join(request_phrases.render_tool_gerund(step.tool, rng) for _, step in steps[-2:])
    thought = (
        fill_slots(rng.choice(load_moves("thought_replies")), {"what": f"the outcome of {actions}"})
        if state.thoughts
        else None
    )
    return Move(thought=thought, reply=reply)


def _compose_report(state: DialogueState, steps: Sequence[tuple[int, PlannedStep]], rng: Random) -> str:
    """Composes the text of a report: an opening, the results, and now and then an offer of further help."""
    acts = [(index, step) for index, step in steps if not _is_look_up(step)]
    earlier_text = state.assistant_text
    openings = select_unused_templates(load_moves("assistant_opens", "acted" if acts else "found"), earlier_text)
    is_finished = not any(
        act_reports.is_pending(state.results[index], state.tools[step.tool], state.situation.now)
        for index, step in acts
    )
    # "All set." before a look-up that was also asked for, or about what a service has only accepted, says too much.
    may_open = is_finished and (not acts or len(acts) == len(steps))
    sentences = [rng.choice(openings)] if rng.random() < 0.55 and may_open else []
    sentences += _report_steps(state, rng)
    if any(parse_tool_name(step.tool).verb in VERBS_TO_DOUBT for _, step in acts):
        sentences += _admit_no_change(state, " ".join(sentences), rng)
    if rng.random() < 0.3:
        sentences.append(
            values.fill_from_situation(
                rng.choice(select_unused_templates(load_moves("assistant_offers"), earlier_text)), state.situation, rng
            )
        )
    sentences = [sentence for sentence in sentences if sentence]
    return ("\n" if any("\n" in sentence for sentence in sentences) else " ").join(sentences).strip()


def _admit_no_change(state: DialogueState, report: str, rng: Random) -> list[str]:
    """Returns a sentence for each act of the turn that changed nothing: somebody removed who was never on the list, an
    open task reopened.
    """
    messages = [*state.messages, Message(role="assistant", content=report)]
    since = max(index for index, message in enumerate(messages) if message.role == "user")
    case = Case(messages, state.tools, (), state.situation)
    calls = {call.id: call for message in messages[since:] for call in message.tool_calls}
    sentences = []
    for finding in (*removed_stranger(case), *needless_change(case)):
        result = messages[finding.message or 0].result
        if finding.message is None or finding.message <= since or result is None:
            continue
        what = at_pointer(calls[result.call_id].arguments, finding.place) if finding.place else ""
        forms = load_moves("assistant_changed_nothing", "person" if "@" in str(what) else "thing")
        sentences.append(fill_slots(rng.choice(forms), {"who": str(what)}))
    return list(dict.fromkeys(sentences))


def _is_look_up(step: PlannedStep) -> bool:
    """Says whether a step only reads."""
    return parse_tool_name(step.tool).action in ("list", "get")


def _select_steps_to_report(state: DialogueState) -> list[tuple[int, PlannedStep]]:
    """Returns the steps of this turn that are reported, with their indices in the plan: all that succeeded, for the
    user asked for each.
    """
    return [item for item in state.list_steps_done_this_turn() if not item[1].fault]


def _report_steps(state: DialogueState, rng: Random) -> list[str]:
    """Returns a sentence for each step that is reported; the same act on several things is reported once.

    A look-up whose result a later call of the turn took is told briefly, by number and titles.
    """
    steps = _select_steps_to_report(state)
    used_indices = {argument.step for _, step in steps for argument in step.arguments}
    acts_by_tool = Counter(step.tool for _, step in steps if not _is_look_up(step))
    sentences = []
    for index, step in steps:
        if acts_by_tool[step.tool] > 1:  # the same act on several things is reported once
            sentences.append(
                _report_act_on_several(state, [same_index for same_index, same in steps if same.tool == step.tool], rng)
            )
            acts_by_tool[step.tool] = -1
        elif acts_by_tool[step.tool] >= 0:
            occasion = _describe_occasion(state, index, step, is_brief=_is_look_up(step) and index in used_indices)
            sentences.append(
                result_reports.report_result(
                    state.tools[step.tool],
                    _fill_report_slots(state, index, step, rng),
                    state.results[index],
                    state.situation.now,
                    rng,
                    occasion,
                )
            )
    return sentences


def _describe_occasion(
    state: DialogueState, index: int, step: PlannedStep, is_brief: bool = False
) -> act_reports.Occasion:
    """Describes what is known about a call beside its result."""
    pages = [
        result_reports.find_page(state.results[other_index])
        for other_index, other in _select_steps_to_report(state)
        if _is_look_up(other)
    ]
    page_sizes = [len(page.items) for page in pages if page]
    return act_reports.Occasion(
        request=_select_request(state, step),
        arguments=_collect_given_arguments(step),
        subject=_find_subject_title(state, index, step),
        former_title=_find_named_thing(state, index, step),
        linked=_name_linked_things(state, index, step),
        shown_before=_count_items_shown_before(state, step),
        is_brief=is_brief,
        details_per_item=1 if len(page_sizes) > 2 else 2,
        may_use_lines=sum(page_sizes) + len(_select_steps_to_report(state)) <= MOST_LINES,
    )


def _name_linked_things(state: DialogueState, index: int, step: PlannedStep) -> list[str]:
    """Names the things whose ids a call took from results, each with its noun: `project "Gym roof"`; without the thing
    that it worked on.
    """
    subject = _find_named_thing(state, index, step)
    named = []
    for argument in step.arguments:
        name = request_phrases.parse_field_name(argument)
        noun = parse_resource_noun(name)
        if argument.source == "result" and is_id(name) and noun:
            title = _find_title_of(state, index, state.resolve_argument(argument), noun)
            if title != subject and (title.startswith('"') or (title and " " not in title)):
                named.append(f"{noun} {title}")
    return named


def _select_request(state: DialogueState, step: PlannedStep) -> str:
    """Selects the sentences of the turn that ask for this step: of several requests, those with the tool's nouns, or
    all if none has.
    """
    text = state.user_text_this_turn
    if len(_select_steps_to_report(state)) < 2:
        return text
    nouns = parse_tool_name(step.tool).words
    forms = {*nouns, *map(to_plural, nouns)}
    parts = [part for part in _REQUEST_END.split(text) if part.strip()]
    own = [part for part in parts if forms & set(split_words(part))]
    nouns_of_others = {
        form
        for _, other in _select_steps_to_report(state)
        for noun in parse_tool_name(other.tool).words
        for form in (noun, to_plural(noun))
    }
    return " ".join(own or [part for part in parts if not nouns_of_others & set(split_words(part))])


def _collect_given_arguments(step: PlannedStep) -> dict[str, Json]:
    """Returns the arguments of a call that the user gave."""
    return assemble_arguments([argument for argument in step.arguments if argument.source == "user"], {})


def _count_items_shown_before(state: DialogueState, step: PlannedStep) -> int | None:
    """Counts the items on the pages before the one that this step fetched; None if it fetched no later page."""
    token = next((argument for argument in step.arguments if request_phrases.is_next_page_argument(argument)), None)
    if token is None or token.step is None:
        return None
    page = result_reports.find_page(state.results[token.step])
    shown = len(page.items) if page else 0
    return shown + (_count_items_shown_before(state, state.plan.steps[token.step]) or 0)


def _report_act_on_several(state: DialogueState, indices: Sequence[int], rng: Random) -> str:
    """Reports the same act on several things at once: what was done, to which, and what the user gave for each."""
    steps = [state.plan.steps[index] for index in indices]
    tool = state.tools[steps[0].tool]
    given = [_collect_given_arguments(step) for step in steps]
    is_same = all(arguments == given[0] for arguments in given)
    names = []
    for index, step, arguments in zip(indices, steps, given, strict=True):
        name = _name_target(state, index, step)
        told = [] if is_same else act_reports.list_confirmations(tool, arguments, state.situation.now, name)
        names.append(f"{name} ({', '.join(told)})" if name and told else name or ", ".join(told))
    names = [name for name in names if name]
    action, count = (
        request_phrases.render_tool_gerund(steps[0].tool, rng),
        {2: "both", 3: "all three"}.get(len(indices), f"all {len(indices)}"),
    )
    lead = fill_slots(rng.choice(_SEVERAL_DONE), {"count": count, "what": action, "number": str(len(indices))})
    listed = f"{'; '.join(names[:-1])}; and {names[-1]}" if len(names) > 1 else "".join(names)
    shared = act_reports.list_confirmations(tool, given[0], state.situation.now, listed) if is_same else []
    each = f", each {join_words(shared)}" if shared else ""
    return values.capitalize_sentence(f"{lead}: {listed}{each}." if names else f"{lead}{each}.")


def _name_target(state: DialogueState, index: int, step: PlannedStep) -> str:
    """Names what one of several acts was done to: by the title of the thing, its own new title, or the recipient."""
    tool, now = state.tools[step.tool], state.situation.now
    title = _find_named_thing(state, index, step)
    label = act_reports.find_label(tool, state.results[index], now)
    if title and label and title != label and label not in title:
        return f"{title} (now {label})" if parse_tool_name(step.tool).action == "update" else f"{label} from {title}"
    recipient = next(
        (
            str(value)
            for argument in step.arguments
            if isinstance(value := _resolve_value(state, argument), str) and ("@" in value or value.startswith("+"))
        ),
        "",
    )
    return title or label or recipient


def _find_subject_title(state: DialogueState, index: int, step: PlannedStep) -> str:
    """Returns the title of the thing that a step worked on, as an earlier result gave it; '' if the call's own result
    has one.
    """
    tool = state.tools[step.tool]
    if not _is_look_up(step) and act_reports.find_label(tool, state.results[index], state.situation.now):
        return ""
    return _find_named_thing(state, index, step)


def _find_named_thing(state: DialogueState, index: int, step: PlannedStep) -> str:
    """Returns the title, or the key, by which people know the thing whose id a step was called with; '' if none is
    known.
    """
    parsed = parse_tool_name(step.tool)
    ids = [
        argument
        for argument in step.arguments
        if argument.source == "result" and is_id(request_phrases.parse_field_name(argument))
    ]
    # The sort is stable: the id of the tool's own noun comes first, the others keep their order.
    ids.sort(key=lambda argument: parse_resource_noun(request_phrases.parse_field_name(argument)) != parsed.noun)
    if not ids:
        return ""
    noun = parse_resource_noun(request_phrases.parse_field_name(ids[0])) or parsed.noun
    return _find_title_of(state, index, state.resolve_argument(ids[0]), noun)


def _find_title_of(state: DialogueState, index: int, identity: Any, noun: str) -> str:
    """Returns the title of the thing with this id in the latest result before a step; a key such as `PAY-88` is said
    with it.
    """
    titles = (result_reports.find_title(result, identity, noun) for result in reversed(state.results[:index]))
    title = next((title for title in titles if title), "")
    if isinstance(identity, str) and _SPOKEN_KEY.fullmatch(identity):
        return f"{identity} {title}".strip()
    return title


def _take_leave(state: DialogueState, rng: Random) -> Move:
    """Takes leave of the user; what the conversation is about is only mentioned if the user has."""
    thought = "The user is done; say goodbye without adding anything." if state.thoughts else None
    last_reply = next((message.content for message in reversed(state.messages) if message.role == "assistant"), None)
    turn_before = state.plan.turns[state.turn_index - 1] if state.turn_index else None
    is_given_up = turn_before is not None and turn_before.kind in ("unsuitable", "dropped")
    forms = load_moves(
        "assistant_farewells_plain" if is_given_up or is_refusal(last_reply or "") else "assistant_farewells"
    )
    if state.situation.matter.lower() not in state.user_text.lower():
        forms = [form for form in forms if not find_slots(form)]
    farewell = rng.choice(keep_timely(forms, state.situation.now))
    return Move(thought=thought, reply=values.fill_from_situation(farewell, state.situation, rng))


def _fill_report_slots(state: DialogueState, index: int, step: PlannedStep, rng: Random) -> dict[str, str]:
    """Returns the words for the arguments of a step, by slot of the report: the values that the user said, amounts with
    their currency, and titles from results.
    """
    tool = state.tools[step.tool]
    currency = next(
        (
            str(argument.value)
            for argument in step.arguments
            if "currency" in split_words(request_phrases.parse_field_name(argument))
        ),
        "",
    )
    words_by_slot: dict[str, str] = {}
    for argument in step.arguments:
        slot = request_phrases.to_slot_name(argument.argument)
        if argument.source == "user":
            schema = schema_at(tool.parameters, argument.argument) or {}
            is_money = is_minor_unit(schema) and isinstance(argument.value, int)
            words_by_slot[slot] = (
                render_money(argument.value, currency, in_minor_units=True)
                if is_money and isinstance(argument.value, int)
                else request_phrases.quote_free_text(argument)
            )
        elif argument.source == "result" and argument.step is not None:
            noun = parse_tool_name(state.plan.steps[argument.step].tool).noun
            value = state.resolve_argument(argument)
            is_words = isinstance(value, str) and not is_id(request_phrases.parse_field_name(argument))
            words_by_slot[slot] = (
                request_phrases.quote_free_text(replace(argument, value=value, surface=value))
                if is_words
                else _find_title_of(
                    state, index, value, parse_resource_noun(request_phrases.parse_field_name(argument))
                )
                or request_phrases.phrase_reference(argument, noun, True, rng)
            )
    return words_by_slot


def _explain_next_call(state: DialogueState, step: PlannedStep, rng: Random) -> str:
    """Explains the next call: what it is for, and which facts are at hand."""
    facts_at_hand = [
        f"the {request_phrases.render_argument_name(argument.argument)}"
        for argument in step.arguments
        if argument.source in ("user", "result")
    ]
    frames = [frame for frame in load_moves("thought_frames") if facts_at_hand or "have" not in find_slots(frame)]
    last_step = state.list_pending_steps()[-1]
    slots = {
        "why": request_phrases.render_tool_gerund(last_step.tool, rng),
        "action": request_phrases.render_tool_gerund(step.tool, rng),
        "have": " and ".join(list(dict.fromkeys(facts_at_hand))[:2]),
    }
    return values.capitalize_sentence(fill_slots(rng.choice(frames), slots))


ROLE = Role("assistant", Move, _render_variables, _improvise_move, constraint=_constrain_move)
NATIVE = Role(
    "assistant",
    Move,
    _render_context,
    _improvise_move,
    prompt=_render_chat,
    constraint=lambda _: None,
    tools=lambda scene: tuple(to_openai_tools(tuple(scene.offered_tools.values()))),
    read=_read_move,
)
