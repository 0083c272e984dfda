"""Ways to damage a good conversation, each with the rules that must find it.

Belongs here: seeded functions that return a damaged copy of a conversation, or None if it offers no opportunity for
the damage. They prove that the rules and the judge see what they are made for (`benchmarks/seeded_faults.py`).

>>> [damage.name for damage in DAMAGES][:3]
['wrong_value', 'invented_id', 'unknown_tool']
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from funcdex_assets.catalog.announced_tools import remove_definitions
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case, has_failed
from funcdex_assets.checks.rules.claims import EMAIL
from funcdex_assets.checks.rules.results import find_unused_lookups, uncited_answer
from funcdex_assets.checks.rules.structure import is_single_turn
from funcdex_assets.language.schema_samples import NoValueError, sample_value
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.schema.json_pointers import put_pointer
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import is_calling_name
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

Messages = tuple[Message, ...]
_MAX_QUERY_WORDS = 6  # a longer query says more than the words to look for
_MIN_IDENTIFIER_LENGTH, _MAX_POINTER_DEPTH = (
    5,
    4,
)  # characters of an id that belongs to one entity only; steps of a pointer
_MIN_SEARCH_WORD_LENGTH = 4  # characters; the rule looks for no shorter words


@dataclass(frozen=True)
class Damage:
    """A named way to damage a conversation.

    Each of `rules` must find it; `scale` is the scale on which it must cost points with the judge.
    """

    name: str
    rules: tuple[str, ...]
    scale: str
    inflict: Callable[[Case, Random], Case | None]


def apply_damage(damage: Damage, case: Case, seed: int) -> Case | None:
    """Returns a damaged copy with its provenance traced anew; None if the conversation offers no opportunity for it."""
    return damage.inflict(case, Random(f"{damage.name}/{seed}"))


# ── calls ─────────────────────────────────────────────────────────────────────────────────────


def _replace_text_argument(case: Case, rng: Random) -> Case | None:
    """Replaces a free-text argument by a value that nobody has said."""
    candidates = [
        (index, call, pointer, value)
        for index, call, pointer, value in _iterate_text_arguments(case)
        if not is_id(pointer.rsplit("/", 1)[-1])
    ]
    return _replace_random_argument(case, rng, candidates, lambda value: _invent_text(value, rng))


def _replace_identifier(case: Case, rng: Random) -> Case | None:
    """Replaces an identifier among the arguments by one that no result has."""
    candidates = [candidate for candidate in _iterate_text_arguments(case) if is_id(_find_field_name(candidate[2]))]
    return _replace_random_argument(case, rng, candidates, lambda value: _scramble_identifier(value, rng))


def _call_unknown_tool(case: Case, rng: Random) -> Case | None:
    """Renames a called tool and its result to a tool that was not offered."""
    candidates = list(_iterate_calls(case))
    if not candidates:
        return None
    index, call = rng.choice(candidates)
    return _replace_call(case, index, call, changed(call, name=f"{call.name[:50]}_V2"))


def _announce_tool_after_call(case: Case, rng: Random) -> Case | None:
    """Lets the user bring the definition of a tool only after its call."""
    last_turn_start = case.turns[-1].start
    candidates = [
        (index, call)
        for index, call in _iterate_calls(case)
        if index < last_turn_start and call.name not in case.announced_tools
    ]
    if not candidates:
        return None
    index, call = rng.choice(candidates)
    later_turn_starts = [turn.start for turn in case.turns if turn.start > index]
    tool = case.tools[call.name]
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    text = msgspec.json.encode({"type": "function", "function": function}).decode()
    user_message = case.messages[later_turn_starts[0]]
    announcement = changed(user_message, content=f"{user_message.content}\nYou can use this now: {text}")
    return _rebuild_case(case, _replace_message_at(case.messages, later_turn_starts[0], announcement))


def _leave_out_definition(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Lets the user say that there is a new function, without its definition."""
    messages = [
        changed(message, content=remove_definitions(message.content or "")) if message.role == "user" else message
        for message in case.messages
    ]
    return _rebuild_case(case, messages) if case.announced_tools and case.late_tools else None


def _drop_required_argument(case: Case, rng: Random) -> Case | None:
    """Removes a required argument from a call."""
    candidates = [
        (index, call, name)
        for index, call in _iterate_calls(case)
        for name in case.tools[call.name].parameters.get("required", ())
        if name in call.arguments
    ]
    if not candidates:
        return None
    index, call, name = rng.choice(candidates)
    return _replace_call(case, index, call, changed(call, arguments=_drop_key(call.arguments, name)))


def _give_argument_wrong_type(case: Case, rng: Random) -> Case | None:
    """Replaces an argument by a nested list, where its schema does not allow one."""
    candidates = [
        (index, call, name)
        for index, call in _iterate_calls(case)
        for name, value in call.arguments.items()
        if not isinstance(value, list)
        and not compile_validator(schema_at(case.tools[call.name].parameters, f"/{name}") or {}).is_valid([["?"]])
    ]
    if not candidates:
        return None
    index, call, name = rng.choice(candidates)
    return _replace_call(case, index, call, changed(call, arguments={**call.arguments, name: [["?"]]}))


def _add_unknown_argument(case: Case, rng: Random) -> Case | None:
    """Adds an argument `urgency_level` to a call whose schema does not allow further arguments."""
    candidates = [
        (index, call)
        for index, call in _iterate_calls(case)
        if not compile_validator(case.tools[call.name].parameters).is_valid({**call.arguments, "urgency_level": 1})
    ]
    if not candidates:
        return None
    index, call = rng.choice(candidates)
    return _replace_call(case, index, call, changed(call, arguments={**call.arguments, "urgency_level": 1}))


def _replace_argument_by_placeholder(case: Case, rng: Random) -> Case | None:
    """Replaces a free-text argument by a placeholder such as `<base64>`."""
    candidates = [candidate for candidate in _iterate_text_arguments(case) if not is_id(_find_field_name(candidate[2]))]
    return _replace_random_argument(
        case, rng, candidates, lambda _: rng.choice(("<base64>", "your_text_here", "{{content}}"))
    )


def _contradict_user(case: Case, rng: Random) -> Case | None:
    """Gives call, result and reply another value than the user has just said, one known from elsewhere."""
    known_texts = [value for leaves in case.result_values.values() for _, value in leaves if isinstance(value, str)]
    known_texts += [address for text in case.speech for address in EMAIL.findall(text)]
    addresses = sorted({value for value in known_texts if EMAIL.fullmatch(value)})
    phrases = sorted({value for value in known_texts if 5 < len(value) < 80 and " " in value})
    candidates = []
    for index, call, pointer, value in _iterate_text_arguments(case):
        turn = next(turn for turn in case.turns if turn.start < index < turn.end)
        text = case.speech[turn.start]
        label = " ".join(split_words(_find_field_name(pointer))).rsplit(" ", 1)[-1]
        if EMAIL.fullmatch(value) and value in text:
            alternatives = [address for address in addresses if address not in text]
        elif f'{label} "{value}"' in text:
            alternatives = [phrase for phrase in phrases if phrase.lower() not in text.lower()]
        else:
            continue
        earlier_values = [
            earlier_value for at, leaves in case.result_values.items() if at < index for _, earlier_value in leaves
        ]
        argument_values = [
            argument_value for arguments in case.argument_values.values() for _, _, argument_value in arguments
        ]
        if (
            alternatives
            and not any(isinstance(earlier_value, str) and value in earlier_value for earlier_value in earlier_values)
            and (
                sum(
                    isinstance(argument_value, str) and value.lower() in argument_value.lower()
                    for argument_value in argument_values
                )
                == 1
            )
        ):
            candidates.append((index, turn.end, call, pointer, value, rng.choice(alternatives)))
    if not candidates:
        return None
    index, end, call, pointer, value, replacement = rng.choice(candidates)
    damaged_case = _replace_random_argument(case, rng, [(index, call, pointer, value)], lambda _: replacement)
    if damaged_case is None:
        return None
    messages = list(damaged_case.messages)
    for at in range(index + 1, end):
        message = messages[at]
        if message.content:
            messages[at] = changed(message, content=message.content.replace(value, replacement))
        elif message.result is not None and message.result.call_id == call.id:
            encoded_content = msgspec.json.encode(message.result.content).decode()
            old_text, new_text = (
                msgspec.json.encode(replaced_value).decode().strip('"') for replaced_value in (value, replacement)
            )
            content = msgspec.json.decode(encoded_content.replace(old_text, new_text))
            messages[at] = changed(message, result=changed(message.result, content=content))
    return _rebuild_case(damaged_case, messages)


def _repeat_call(case: Case, rng: Random) -> Case | None:
    """Repeats a call at once, with the same result."""
    candidates = [
        index
        for index, message in enumerate(case.messages)
        if len(message.tool_calls) == 1
        and index + 1 < len(case.messages)
        and (result := case.messages[index + 1].result) is not None
        and not has_failed(result)
        and len(case.result_values[index + 1]) > 2
    ]
    if not candidates:
        return None
    index = rng.choice(candidates)
    call_and_result = (changed(case.messages[index], content=None), case.messages[index + 1])
    return _rebuild_case(
        case, _renumber_calls((*case.messages[: index + 2], *call_and_result, *case.messages[index + 2 :]))
    )


def _remove_all_calls(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Removes all calls and results, so that only speech is left."""
    if not case.calls_wanted:
        return None
    messages = [changed(message, tool_calls=()) for message in case.messages if message.result is None]
    return _rebuild_case(case, [message for message in messages if message.role == "user" or message.content])


def _call_unsuitable_tool(case: Case, rng: Random) -> Case | None:
    """Calls an offered tool although none suits."""
    return (
        None
        if case.calls_wanted
        else _replace_refusal_by_call(case, rng, case.tools[rng.choice(sorted(case.tools))].name)
    )


def _call_unoffered_tool_instead_of_refusal(case: Case, rng: Random) -> Case | None:
    """Calls a tool that was not offered, instead of refusing, although none suits."""
    if case.calls_wanted:
        return None
    return _replace_refusal_by_call(case, rng, f"{rng.choice(sorted(case.tools))[:50]}_V2")


def _claim_success_without_call(case: Case, rng: Random) -> Case | None:
    """Lets the assistant say that it is done, although no tool suits and none was called."""
    if case.calls_wanted:
        return None
    text = rng.choice(
        ("Done, it's all taken care of.", "I've just sent it for you.", "All set! I have updated the entry.")
    )
    return _replace_content(case, case.turns[0].end - 1, text)


def _replace_refusal_by_call(case: Case, rng: Random, name: str) -> Case | None:
    """Replaces the first refusal by a call with sampled arguments, its result and a reply."""
    tool = case.tools.get(name) or case.tools[min(case.tools)]
    response_schema = complete_result_schema(tool)
    try:
        arguments = sample_value(tool.parameters, tool.parameters, rng, lean=True)
        content = sample_value(response_schema, response_schema, rng, lean=True)
    except NoValueError:
        return None
    end = case.turns[0].end
    inserted_messages = (
        Message(role="assistant", tool_calls=(ToolCall(id="call_1", name=name, arguments=arguments),)),
        Message(role="tool", result=ToolResult(call_id="call_1", name=name, content=content)),
        Message(role="assistant", content=rng.choice(("That worked, it is in place.", "I took care of it."))),
    )
    return _rebuild_case(case, (*case.messages[: end - 1], *inserted_messages, *case.messages[end:]))


# ── results and what is made of them ──────────────────────────────────────────────────────────


def _break_result(case: Case, rng: Random) -> Case | None:
    """Breaks a successful result under its response schema: a member has a wrong value or is missing."""
    candidates = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error or not isinstance(result.content, dict):
            continue
        returns = case.tools[result.name].returns
        for name in sorted(result.content):
            for broken_content in ({**result.content, name: "?!"}, _drop_key(result.content, name)):
                if returns is not None and not compile_validator(returns).is_valid(broken_content):
                    candidates.append((index, broken_content))
    if not candidates:
        return None
    index, content = rng.choice(candidates)
    return _replace_result(case, index, content)


def _change_title_in_second_lookup(case: Case, rng: Random) -> Case | None:
    """Appends a second lookup with the same call, in whose result an entity has another title."""
    candidates = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or has_failed(result) or parse_tool_name(result.name).action not in ("list", "get"):
            continue
        leaves = dict(case.result_values[index])
        for pointer, value in leaves.items():
            holder_pointer, _, name = pointer.rpartition("/")
            is_title = isinstance(value, str) and value and is_calling_name(name)
            identity = str(leaves.get(f"{holder_pointer}/id") or "")
            is_identified = (
                is_title and pointer.count("/") <= _MAX_POINTER_DEPTH and len(identity) >= _MIN_IDENTIFIER_LENGTH
            )
            if is_identified and not _is_shown_before_or_named_after(case, identity, index):
                candidates.append((index, pointer))
    if not candidates:
        return None
    index, pointer = rng.choice(candidates)
    result = case.messages[index].result
    assert result is not None
    call = next(call for _, call in _iterate_calls(case) if call.id == result.call_id)
    title = f"Zebra quince {rng.randint(100, 999)}"
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content))}
    put_pointer(content, f"/{pointer}", title)
    second_lookup = (
        Message(role="user", content="Could you look that up again, please?"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", result=changed(result, content=content[""])),
        Message(role="assistant", content=f"It is there: {title}."),
    )
    return _rebuild_case(case, _renumber_calls((*case.messages, *second_lookup)))


def _is_shown_before_or_named_after(case: Case, identity: str, index: int) -> bool:
    """True if an earlier result shows the entity, or a later call names it and so may change it."""
    is_shown_before = any(
        value == identity for at, values in case.result_values.items() if at < index for _, value in values
    )
    return is_shown_before or any(
        value == identity for at, values in case.argument_values.items() if at > index for _, _, value in values
    )


def _change_echoed_identifier(case: Case, rng: Random) -> Case | None:
    """Changes an identifier in a result that repeats the argument of its call."""
    candidates = []
    calls = {call.id: call for _, call in _iterate_calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or has_failed(result) or parse_tool_name(result.name).action == "create":
            continue
        for pointer, value in case.result_values[index]:
            name = pointer.rpartition("/")[2]
            argument_value = calls[result.call_id].arguments.get(name)
            noun = parse_resource_noun(name).rpartition(" ")[2] if is_id(name) else ""
            if noun and isinstance(value, str) and argument_value == value and pointer.count("/") <= 1:
                candidates.append((index, pointer, value))
    if not candidates:
        return None
    index, pointer, value = rng.choice(candidates)
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", _scramble_identifier(value, rng))
    return _replace_result(case, index, content[""])


def _move_end_before_start(case: Case, rng: Random) -> Case | None:
    """Moves the end of something to the year before its start."""
    candidates = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or has_failed(result):
            continue
        leaves = dict(case.result_values[index])
        for pointer, value in leaves.items():
            start = next(
                (leaves.get(pointer.replace(end, "start")) for end in ("end",) if f"/{end}" in f"/{pointer}"), 0
            )
            if isinstance(start, str) and isinstance(value, str) and start < value and "T" in value:
                candidates.append((index, pointer, start))
    if not candidates:
        return None
    index, pointer, start = rng.choice(candidates)
    return _replace_result_value(case, index, pointer, f"{int(start[:4]) - 1}{start[4:]}")


def _change_parent_of_item(case: Case, rng: Random) -> Case | None:
    """Changes the parent within one listed item: an invoice in a customer's list belongs to another customer."""
    candidates = []
    calls = {call.id: call for _, call in _iterate_calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or has_failed(result) or parse_tool_name(result.name).action != "list":
            continue
        values_by_noun = {
            parse_resource_noun(key): value for key, value in calls[result.call_id].arguments.items() if is_id(key)
        }
        for pointer, value in case.result_values[index]:
            *_, holder, name = ("", *pointer.split("/"))
            if (
                isinstance(value, str)
                and is_id(name)
                and values_by_noun.get(holder) == value
                and not parse_resource_noun(name)
            ):
                candidates.append((index, pointer, value))
    if not candidates:
        return None
    index, pointer, value = rng.choice(candidates)
    return _replace_result_value(case, index, pointer, _scramble_identifier(value, rng))


def _remove_search_words_from_item(case: Case, rng: Random) -> Case | None:
    """Removes every word of the query, and the known identifiers, from one item of a search result."""
    candidates = []
    calls = {call.id: call for _, call in _iterate_calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or has_failed(result) or parse_tool_name(result.name).verb not in ("find", "search"):
            continue
        query = calls[result.call_id].arguments.get("query") or calls[result.call_id].arguments.get("name_contains")
        search_words = [
            word for word in str(query or "").lower().split() if len(word) >= _MIN_SEARCH_WORD_LENGTH and word.isalpha()
        ]
        title_pointers = [
            at
            for at, value in case.result_values[index]
            if isinstance(value, str) and is_calling_name(_find_field_name(at))
        ]
        item_title_pointers = [
            at for at in title_pointers if at.split("/")[-2].isdigit() and sum(map(str.isdigit, at.split("/"))) == 1
        ]
        if 0 < len(search_words) == len(str(query).split()) <= _MAX_QUERY_WORDS and item_title_pointers:
            candidates.append((index, rng.choice(item_title_pointers).rpartition("/")[0], search_words))
    if not candidates:
        return None
    index, item, search_words = rng.choice(candidates)
    damaged_case = case
    for pointer, value in case.result_values[index]:
        if pointer.startswith(f"{item}/") and isinstance(value, str):
            if is_id(_find_field_name(pointer)):
                damaged_case = _replace_result_value(damaged_case, index, pointer, _scramble_identifier(value, rng))
            elif any(word in value.lower() for word in search_words):
                damaged_case = _replace_result_value(
                    damaged_case, index, pointer, f"Zebra quince {rng.randint(100, 999)}"
                )
    return damaged_case


def _replace_result_value(case: Case, index: int, pointer: str, value: Any) -> Case:
    """Replaces the value at a pointer of a result."""
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", value)
    return _replace_result(case, index, content[""])


def _report_error_as_success(case: Case, rng: Random) -> Case | None:
    """Lets the last call of a turn fail, and the reply say that it went well."""
    candidates = [(last, at) for last, at in _find_answers(case) if not _is_tool_called_elsewhere_in_turn(case, at)]
    if not candidates:
        return None
    last, at = rng.choice(candidates)
    error = {"error": {"code": "permission_denied", "message": "The caller is not allowed to do this."}}
    damaged_case = _replace_result(case, at, error, error=True)
    reply = changed(case.messages[last], content=rng.choice(("Done, that worked. All is in place now.", "All set!")))
    return _rebuild_case(case, _replace_message_at(damaged_case.messages, last, reply))


def _is_tool_called_elsewhere_in_turn(case: Case, at: int) -> bool:
    """True if another call of the turn has the same tool: then the failure could count as made good."""
    result = case.messages[at].result
    turn = next(turn for turn in case.turns if turn.start < at < turn.end)
    return any(
        index != at
        and (other_result := case.messages[index].result) is not None
        and result
        and other_result.name == result.name
        for index in range(turn.start, turn.end)
    )


def _append_to_reply(text: str) -> Callable[[Case, Random], Case | None]:
    """Builds a damage that appends a text to a reply."""
    return lambda case, rng: _append_to_one_of(case, rng, text, _find_replies(case))


def _append_to_answer(text: str) -> Callable[[Case, Random], Case | None]:
    """Builds a damage that appends a text to a reply after results."""
    return lambda case, rng: _append_to_one_of(case, rng, text, [last for last, _ in _find_answers(case)])


def _append_to_one_of(case: Case, rng: Random, text: str, replies: Sequence[int]) -> Case | None:
    """Appends a text to one of the replies, chosen at random; None if there are none."""
    if not replies:
        return None
    last = rng.choice(replies)
    return _replace_content(case, last, f"{case.messages[last].content} {text}")


def _remove_values_from_answer(case: Case, rng: Random) -> Case | None:
    """Replaces an answer by a sentence that names no value of any result."""
    uncited_messages = {finding.message for finding in uncited_answer(case)}
    answers = [
        last for last, at in _find_answers(case) if _has_value_to_cite(case, at) and last not in uncited_messages
    ]
    return _replace_content(case, rng.choice(answers), "That has been taken care of.") if answers else None


def _answer_with_other_result(case: Case, rng: Random) -> Case | None:
    """Answers with a value of another result of the turn, and with none of the result that was looked up."""
    candidates: list[tuple[int, str]] = []
    for turn in case.turns:
        last = case.messages[turn.end - 1]
        if last.role != "assistant" or last.tool_calls:
            continue
        for at in find_unused_lookups(case, turn):
            looked_up_words = {word for _, value in case.result_values[at] for word in str(value).lower().split()}
            other_values = (
                value
                for index in range(turn.start, turn.end)
                if index != at and case.messages[index].result is not None
                for pointer, value in case.result_values[index]
                if isinstance(value, str)
                and len(value) > 4
                and not is_id(_find_field_name(pointer))
                and looked_up_words.isdisjoint(value.lower().split())
            )
            candidates += [(turn.end - 1, value) for value in list(other_values)[:1]]
    if not candidates:
        return None
    last, value = rng.choice(candidates)
    return _replace_content(case, last, f'That would be "{value}".')


def _has_value_to_cite(case: Case, at: int) -> bool:
    """True if a result has a text that an answer could cite."""
    result = case.messages[at].result
    return (result is not None and not result.error) and any(
        isinstance(value, str) and len(value) > 4 and not is_id(_find_field_name(pointer))
        for pointer, value in case.result_values[at]
    )


def _replace_answer_by_promise(case: Case, rng: Random) -> Case | None:
    """Removes the calls of a turn, and lets the reply only promise to act."""
    answers = list(_find_answers(case))
    if not answers:
        return None
    last, _ = rng.choice(answers)
    turn = next(turn for turn in case.turns if turn.start < last < turn.end)
    promise = changed(case.messages[last], content=rng.choice(("Sure, I'll look into it right away.", "One moment.")))
    return _rebuild_case(case, _renumber_calls((*case.messages[: turn.start + 1], promise, *case.messages[turn.end :])))


# ── structure ─────────────────────────────────────────────────────────────────────────────────


def _drop_message_of(role: str) -> Callable[[Case, Random], Case | None]:
    """Builds a damage that drops a message of this role which has no calls."""

    def drop_message(case: Case, rng: Random) -> Case | None:
        candidates = [
            index for index, message in enumerate(case.messages) if message.role == role and not message.tool_calls
        ]
        if not candidates:
            return None
        index = rng.choice(candidates)
        return _rebuild_case(case, (*case.messages[:index], *case.messages[index + 1 :]))

    return drop_message


def _swap_speakers(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Swaps the roles of user and assistant in every message."""
    swapped_roles = {"user": "assistant", "assistant": "user"}
    return _rebuild_case(
        case, [changed(message, role=swapped_roles.get(message.role, message.role)) for message in case.messages]
    )


def _change_call_id(case: Case, rng: Random) -> Case | None:
    """Changes the id of a call, and not that of its result."""
    candidates = list(_iterate_calls(case))
    if not candidates:
        return None
    index, call = rng.choice(candidates)
    return _replace_call(case, index, call, changed(call, id="call_99"), rename_result=False)


def _swap_results(case: Case, rng: Random) -> Case | None:
    """Swaps the results of two calls that are made at once."""
    candidates = [index for index, message in enumerate(case.messages) if len(message.tool_calls) > 1]
    if not candidates:
        return None
    index = rng.choice(candidates)
    first, second = case.messages[index + 1 : index + 3]
    return _rebuild_case(case, (*case.messages[: index + 1], second, first, *case.messages[index + 3 :]))


def _keep_first_turn(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Drops all turns but the first, where there are more."""
    if len(case.turns) < 2:
        return None
    return _rebuild_case(case, case.messages[: case.turns[0].end])


def _add_second_turn(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Lets the user of a conversation of one request speak again."""
    if not is_single_turn(case):
        return None
    thanks = (Message(role="user", content="Thanks a lot."), Message(role="assistant", content="My pleasure."))
    return _rebuild_case(case, (*case.messages, *thanks))


# ── speech ────────────────────────────────────────────────────────────────────────────────────


def _append_to_user_message(text: str) -> Callable[[Case, Random], Case | None]:
    """Builds a damage that appends a text to a user message."""

    def append_text(case: Case, rng: Random) -> Case | None:
        turn = rng.choice(case.turns)
        return _replace_content(case, turn.start, f"{case.messages[turn.start].content}{text}")

    return append_text


def _let_user_name_tool(case: Case, rng: Random) -> Case | None:
    """Lets the user name a tool of the assistant."""
    names = [
        call.name for _, call in _iterate_calls(case) if "_" in call.name and call.name not in case.announced_tools
    ]
    return _append_to_user_message(f" Please use {rng.choice(names)} for it.")(case, rng) if names else None


def _replace_message_by_gibberish(role: str) -> Callable[[Case, Random], Case | None]:
    """Builds a damage that replaces a message of this role by words without vowels."""

    def replace_message(case: Case, rng: Random) -> Case | None:
        candidates = [index for index, message in enumerate(case.messages) if message.role == role and message.content]
        words = ["".join(rng.choices("bcdfghjklmnpqrstvwxz", k=rng.randint(4, 9))) for _ in range(14)]
        return _replace_content(case, rng.choice(candidates), " ".join(words).capitalize() + ".")

    return replace_message


def _append_loop(case: Case, rng: Random) -> Case | None:
    """Appends the same few words eight times to a reply."""
    return _append_to_reply(" ".join([rng.choice(("and then we go on", "very", "the file is here,"))] * 8))(case, rng)


def _append_exchange_twice(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """Appends the same exchange twice."""
    text = "Thank you very much, that is all I needed for today."
    more = (Message(role="user", content=text), Message(role="assistant", content="You are welcome."))
    return _rebuild_case(case, (*case.messages, *more, *more))


def _say_thought_aloud(case: Case, rng: Random) -> Case | None:
    """Gives a reply a thought that is also its first sentence."""
    thought = "The user wants this done now, so I have to make the call first."
    last = rng.choice(_find_replies(case))
    message = changed(case.messages[last], thought=thought, content=f"{thought} {case.messages[last].content}")
    return _rebuild_case(case, _replace_message_at(case.messages, last, message))


def _add_thought_with_markup(case: Case, rng: Random) -> Case | None:
    """Gives a reply a thought with a tag of the markup."""
    last = rng.choice(_find_replies(case))
    message = changed(case.messages[last], thought="Now I write </assistant> and answer.")
    return _rebuild_case(case, _replace_message_at(case.messages, last, message))


def _reply_in_other_language(case: Case, rng: Random) -> Case | None:
    """Replaces a reply by one in German, French or Russian."""
    last = rng.choice(_find_replies(case))
    text = rng.choice(
        (
            "Ich habe das für Sie erledigt und die Angaben sind jetzt in der Liste, wie Sie es wollten.",
            "J'ai fait ce que vous avez demandé et les données sont dans la liste avec les autres.",
            "Готово, я всё сделал, как вы просили, и теперь данные в списке.",
        )
    )
    return _replace_content(case, last, text)


def _put_placeholder_into_result(case: Case, rng: Random) -> Case | None:
    """Replaces a text in a result by `<base64>`."""
    candidates = [
        (index, pointer)
        for index, leaves in case.result_values.items()
        for pointer, value in leaves
        if isinstance(value, str) and pointer
    ]
    if not candidates:
        return None
    index, pointer = rng.choice(candidates)
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", "<base64>")
    return _replace_result(case, index, content[""])


DAMAGES: tuple[Damage, ...] = (
    Damage("wrong_value", ("ungrounded_argument",), "tool_use_quality", _replace_text_argument),
    Damage("invented_id", ("ungrounded_argument",), "tool_use_quality", _replace_identifier),
    Damage("unknown_tool", ("unknown_tool",), "tool_use_quality", _call_unknown_tool),
    Damage("tool_before_it_is_there", ("unknown_tool",), "tool_use_quality", _announce_tool_after_call),
    Damage("definition_left_out", ("unknown_tool",), "tool_use_quality", _leave_out_definition),
    Damage("missing_argument", ("missing_argument",), "tool_use_quality", _drop_required_argument),
    Damage("wrong_type", ("invalid_arguments",), "tool_use_quality", _give_argument_wrong_type),
    Damage("unknown_argument", ("invalid_arguments",), "tool_use_quality", _add_unknown_argument),
    Damage("placeholder_argument", ("placeholder_content",), "tool_use_quality", _replace_argument_by_placeholder),
    Damage("contradiction", ("contradicts_user",), "tool_use_quality", _contradict_user),
    Damage("repeated_call", ("repeated_call",), "tool_use_quality", _repeat_call),
    Damage("no_call", ("no_call",), "task_completion", _remove_all_calls),
    Damage("needless_call", ("needless_call",), "tool_use_quality", _call_unsuitable_tool),
    Damage(
        "done_after_all", ("needless_call", "unknown_tool"), "tool_use_quality", _call_unoffered_tool_instead_of_refusal
    ),
    Damage("claimed_without_call", ("false_success",), "tool_use_quality", _claim_success_without_call),
    Damage("another_title", ("contradicted_state",), "tool_use_quality", _change_title_in_second_lookup),
    Damage("another_echo", ("echo_mismatch",), "tool_use_quality", _change_echoed_identifier),
    Damage("somebody_elses", ("echo_mismatch",), "tool_use_quality", _change_parent_of_item),
    Damage("off_topic", ("echo_mismatch",), "tool_use_quality", _remove_search_words_from_item),
    Damage("disagreeing_fields", ("contradicts_itself",), "tool_use_quality", _move_end_before_start),
    Damage("broken_result", ("invalid_result",), "tool_use_quality", _break_result),
    Damage("error_as_success", ("false_success",), "tool_use_quality", _report_error_as_success),
    Damage(
        "invented_address",
        ("unsupported_claim",),
        "tool_use_quality",
        _append_to_answer("A copy went to zoe.qx@nowherefirm.com."),
    ),
    Damage(
        "invented_amount", ("unsupported_claim",), "tool_use_quality", _append_to_answer("The total is $73,919.57.")
    ),
    Damage(
        "invented_title", ("unsupported_claim",), "tool_use_quality", _append_to_answer('It is in "Zebra Plan Omega".')
    ),
    Damage(
        "invented_id_told", ("unsupported_claim",), "tool_use_quality", _append_to_answer("Its number is qz-77x31kv9.")
    ),
    Damage(
        "invented_link", ("unsupported_claim",), "tool_use_quality", _append_to_answer("See https://files.zq.net/a91.")
    ),
    Damage(
        "invented_date", ("unsupported_claim",), "tool_use_quality", _append_to_answer("It happened on March 3, 1987.")
    ),
    Damage("uncited_answer", ("uncited_answer",), "task_completion", _remove_values_from_answer),
    Damage("untold_lookup", ("untold_lookup",), "task_completion", _answer_with_other_result),
    Damage("unanswered_request", ("unanswered_request",), "task_completion", _replace_answer_by_promise),
    Damage("dropped_result", ("structure",), "tool_use_quality", _drop_message_of("tool")),
    Damage("dropped_reply", ("structure",), "task_completion", _drop_message_of("assistant")),
    Damage("swapped_speakers", ("structure",), "naturalness", _swap_speakers),
    Damage("wrong_call_id", ("structure",), "tool_use_quality", _change_call_id),
    Damage("swapped_results", ("structure",), "tool_use_quality", _swap_results),
    Damage("second_turn", ("second_user_message",), "task_completion", _add_second_turn),
    Damage("one_turn", ("too_few_user_messages",), "task_completion", _keep_first_turn),
    Damage(
        "user_as_assistant", ("wrong_speaker",), "naturalness", _append_to_user_message(" How can I help you today?")
    ),
    Damage(
        "both_sides_at_once",
        ("wrong_speaker",),
        "naturalness",
        _append_to_user_message("\nAssistant: I have done that."),
    ),
    Damage("user_names_tool", ("wrong_speaker",), "naturalness", _let_user_name_tool),
    Damage("gibberish_user", ("gibberish",), "user_query_clarity", _replace_message_by_gibberish("user")),
    Damage("gibberish_assistant", ("gibberish",), "naturalness", _replace_message_by_gibberish("assistant")),
    Damage("loop", ("degenerate_repetition",), "naturalness", _append_loop),
    Damage("repeated_message", ("repeated_message",), "naturalness", _append_exchange_twice),
    Damage("leaked_markup", ("leaked_markup",), "naturalness", _append_to_reply("</tool_response>")),
    Damage("leaked_template", ("leaked_markup",), "naturalness", _append_to_reply("<|im_end|>")),
    Damage("thought_aloud", ("leaked_thought",), "naturalness", _say_thought_aloud),
    Damage("thought_with_markup", ("leaked_markup",), "naturalness", _add_thought_with_markup),
    Damage("broken_characters", ("broken_characters",), "naturalness", _append_to_reply("Fine \ufffd\ufffd.")),
    Damage("other_language", ("wrong_language",), "naturalness", _reply_in_other_language),
    Damage(
        "placeholder_reply", ("placeholder_content",), "naturalness", _append_to_reply("Write to <name> at any time.")
    ),
    Damage("placeholder_result", ("placeholder_content",), "tool_use_quality", _put_placeholder_into_result),
    Damage(
        "card_number", ("personal_data",), "naturalness", _append_to_user_message(" My card is 4539 1488 0343 6467.")
    ),
    Damage("iban", ("personal_data",), "naturalness", _append_to_user_message(" It is DE89 3704 0044 0532 0130 00.")),
    Damage("social_security", ("personal_data",), "naturalness", _append_to_user_message(" My number is 536-22-8145.")),
    Damage("api_key", ("personal_data",), "naturalness", _append_to_user_message(" Key: AKIAIOSFODNN7QXAMPLE.")),
)


# ── how conversations are changed ─────────────────────────────────────────────────────────────


def _rebuild_case(case: Case, messages: Sequence[Message]) -> Case:
    """Returns the case with other messages, their provenance traced anew."""
    damaged_messages = tuple(messages)
    return replace(
        case, messages=damaged_messages, provenance=trace_arguments(damaged_messages, case.tools, case.situation)
    )


def _replace_message_at(messages: Sequence[Message], index: int, message: Message) -> Messages:
    return (*messages[:index], message, *messages[index + 1 :])


def _replace_content(case: Case, index: int, text: str) -> Case:
    """Replaces the text of a message."""
    return _rebuild_case(case, _replace_message_at(case.messages, index, changed(case.messages[index], content=text)))


def _replace_result(case: Case, index: int, content: Any, error: bool = False) -> Case:
    """Replaces the content of a result."""
    old_result = case.messages[index].result
    assert old_result is not None
    result = ToolResult(call_id=old_result.call_id, name=old_result.name, content=content, error=error)
    return _rebuild_case(case, _replace_message_at(case.messages, index, changed(case.messages[index], result=result)))


def _replace_call(case: Case, index: int, call: ToolCall, new_call: ToolCall, rename_result: bool = True) -> Case:
    """Replaces one call of a message; its result takes over the name of the new tool unless `rename_result` is
    false.
    """
    calls = tuple(new_call if old_call is call else old_call for old_call in case.messages[index].tool_calls)
    messages = list(_replace_message_at(case.messages, index, changed(case.messages[index], tool_calls=calls)))
    for at, message in enumerate(messages):
        if rename_result and message.result is not None and message.result.call_id == call.id:
            messages[at] = changed(message, result=changed(message.result, name=new_call.name))
    return _rebuild_case(case, messages)


def _replace_random_argument(
    case: Case, rng: Random, candidates: Sequence[tuple[int, ToolCall, str, str]], change_value: Callable[[str], str]
) -> Case | None:
    """Replaces one of the candidate arguments, chosen at random, by `change_value` of it; None if there are none."""
    if not candidates:
        return None
    index, call, pointer, value = rng.choice(candidates)
    arguments = msgspec.json.decode(msgspec.json.encode(call.arguments))
    put_pointer(arguments, pointer, change_value(value))
    return _replace_call(case, index, call, changed(call, arguments=arguments))


def _iterate_calls(case: Case) -> Iterator[tuple[int, ToolCall]]:
    """Yields (message index, call) of every call."""
    return ((index, call) for index, message in enumerate(case.messages) for call in message.tool_calls)


def _iterate_text_arguments(case: Case) -> Iterator[tuple[int, ToolCall, str, str]]:
    """Yields the free texts among the arguments: (message, call, pointer, value)."""
    for index, arguments in case.argument_values.items():
        for call, pointer, value in arguments:
            schema = schema_at(case.tools[call.name].parameters, pointer) or {}
            if isinstance(value, str) and len(value) > 3 and not {"enum", "const", "default"} & schema.keys():
                yield index, call, pointer, value


def _find_answers(case: Case) -> Iterator[tuple[int, int]]:
    """Yields (reply, last result before it) of each turn in which something was called."""
    for turn in case.turns:
        last = turn.end - 1
        if last > turn.start and case.messages[last].content and case.messages[last - 1].result is not None:
            yield last, last - 1


def _find_replies(case: Case) -> list[int]:
    """Returns the index of the last message of each turn."""
    return [turn.end - 1 for turn in case.turns if case.messages[turn.end - 1].content]


def _renumber_calls(messages: Sequence[Message]) -> Messages:
    """Numbers the calls `call_1`, `call_2`, … and gives each result the id of its call."""
    numbered_messages: list[Message] = []
    count = 0
    waiting_call_ids: list[str] = []
    for message in messages:
        if message.tool_calls:
            calls = tuple(
                changed(call, id=f"call_{number}") for number, call in enumerate(message.tool_calls, start=count + 1)
            )
            count += len(calls)
            waiting_call_ids = [call.id for call in calls]
            numbered_messages.append(changed(message, tool_calls=calls))
        elif message.result is not None:
            numbered_messages.append(changed(message, result=changed(message.result, call_id=waiting_call_ids.pop(0))))
        else:
            numbered_messages.append(message)
    return tuple(numbered_messages)


def _find_field_name(pointer: str) -> str:
    """Returns the field name that a pointer leads to; for an item of a list, the name of the list."""
    return next((step for step in reversed(pointer.split("/")) if not step.isdigit()), "")


def _drop_key(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: member for key, member in value.items() if key != name}


def _invent_text(value: str, rng: Random) -> str:
    """Invents an address, a date or words of the same form as the value."""
    if "@" in value:
        return f"quill.{rng.randint(100, 999)}@zephyrworks.net"
    if value[:4].isdigit() and value[4:5] == "-":
        return f"19{rng.randint(70, 99)}{value[4:]}"
    return f"{value.split(' ')[0]} {rng.choice(('zebra', 'quince', 'walrus'))} {rng.randint(1000, 9999)}"


def _scramble_identifier(value: str, rng: Random) -> str:
    """Returns an identifier of the same length with digits at the same positions."""
    characters = [rng.choice("0123456789") if character.isdigit() else rng.choice("xyz") for character in value]
    return "".join(characters) if "".join(characters) != value else "9" * len(value)
