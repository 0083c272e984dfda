"""Ways to damage a good conversation, each with the rules that must find it.

Here belong the damages alone: seeded functions that return a damaged copy, or None where they do not apply. They
prove that the rules and the judge see what they are made for (`benchmarks/seeded_faults.py`).

>>> [damage.name for damage in DAMAGES][:3]
['wrong_value', 'invented_id', 'unknown_tool']
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from funcdex_assets.catalog.announced import without_definitions
from funcdex_assets.catalog.json_schema import put_pointer, schema_at, validator
from funcdex_assets.catalog.names import is_id, parse_tool_name, resource_noun, words
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language.samples import NoValueError, sample
from funcdex_assets.quality.provenance import trace
from funcdex_assets.quality.rules.case import Case, failed
from funcdex_assets.quality.rules.claims import EMAIL
from funcdex_assets.quality.rules.results import lookups, uncited_answer
from funcdex_assets.records import Message, ToolCall, ToolResult
from funcdex_assets.semantics.vocabulary import TITLE_WORDS

Messages = tuple[Message, ...]
_SHORT = 6  # words of a query that only says what to look for
_LONG_ID, _DEEP = 5, 4  # characters of an id that is no other's; steps of a pointer


@dataclass(frozen=True)
class Damage:
    """`rules` find it, each of them; `scale` is where it must cost points with the judge."""

    name: str
    rules: tuple[str, ...]
    scale: str
    inflict: Callable[[Case, Random], Case | None]


def damaged(damage: Damage, case: Case, seed: int) -> Case | None:
    """A damaged copy with its provenance traced anew; None where the conversation has no place for the damage."""
    return damage.inflict(case, Random(f"{damage.name}/{seed}"))


# ── calls ─────────────────────────────────────────────────────────────────────────────────────


def _wrong_value(case: Case, rng: Random) -> Case | None:
    places = [
        (index, call, pointer, value)
        for index, call, pointer, value in _strings(case)
        if not is_id(pointer.rsplit("/", 1)[-1])
    ]
    return _with_value(case, rng, places, lambda value: _other_text(value, rng))


def _invented_id(case: Case, rng: Random) -> Case | None:
    places = [place for place in _strings(case) if is_id(_name(place[2]))]
    return _with_value(case, rng, places, lambda value: _shuffled_id(value, rng))


def _unknown_tool(case: Case, rng: Random) -> Case | None:
    places = list(_calls(case))
    if not places:
        return None
    index, call = rng.choice(places)
    return _with_call(case, index, call, changed(call, name=f"{call.name[:50]}_V2"))


def _too_early(case: Case, rng: Random) -> Case | None:
    """The tool is brought by the user only after its call."""
    last = case.turns[-1].start
    places = [(index, call) for index, call in _calls(case) if index < last and call.name not in case.announced]
    if not places:
        return None
    index, call = rng.choice(places)
    later = [turn.start for turn in case.turns if turn.start > index]
    tool = case.tools[call.name]
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    text = msgspec.json.encode({"type": "function", "function": function}).decode()
    said = case.messages[later[0]]
    brought = changed(said, content=f"{said.content}\nYou can use this now: {text}")
    return _remade(case, _put(case.messages, later[0], brought))


def _definition_left_out(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    """The user says that there is a new function, and does not bring it."""
    messages = [
        changed(one, content=without_definitions(one.content or "")) if one.role == "user" else one
        for one in case.messages
    ]
    return _remade(case, messages) if case.announced and case.late else None


def _missing_argument(case: Case, rng: Random) -> Case | None:
    places = [
        (index, call, name)
        for index, call in _calls(case)
        for name in case.tools[call.name].parameters.get("required", ())
        if name in call.arguments
    ]
    if not places:
        return None
    index, call, name = rng.choice(places)
    return _with_call(case, index, call, changed(call, arguments=_without(call.arguments, name)))


def _wrong_type(case: Case, rng: Random) -> Case | None:
    places = [
        (index, call, name)
        for index, call in _calls(case)
        for name, value in call.arguments.items()
        if not isinstance(value, list)
        and not validator(schema_at(case.tools[call.name].parameters, f"/{name}") or {}).is_valid([["?"]])
    ]
    if not places:
        return None
    index, call, name = rng.choice(places)
    return _with_call(case, index, call, changed(call, arguments={**call.arguments, name: [["?"]]}))


def _unknown_argument(case: Case, rng: Random) -> Case | None:
    places = [
        (index, call)
        for index, call in _calls(case)
        if not validator(case.tools[call.name].parameters).is_valid({**call.arguments, "urgency_level": 1})
    ]
    if not places:
        return None
    index, call = rng.choice(places)
    return _with_call(case, index, call, changed(call, arguments={**call.arguments, "urgency_level": 1}))


def _placeholder_argument(case: Case, rng: Random) -> Case | None:
    places = [place for place in _strings(case) if not is_id(_name(place[2]))]
    return _with_value(case, rng, places, lambda _: rng.choice(("<base64>", "your_text_here", "{{content}}")))


def _contradiction(case: Case, rng: Random) -> Case | None:
    """The call, its result and the reply have another value than the user has just said, one known from elsewhere."""
    known = [value for leaves in case.leaves.values() for _, value in leaves if isinstance(value, str)]
    known += [address for text in case.speech for address in EMAIL.findall(text)]
    addresses = sorted({value for value in known if EMAIL.fullmatch(value)})
    phrases = sorted({value for value in known if 5 < len(value) < 80 and " " in value})
    places = []
    for index, call, pointer, value in _strings(case):
        turn = next(turn for turn in case.turns if turn.start < index < turn.end)
        text = case.speech[turn.start]
        label = " ".join(words(_name(pointer))).rsplit(" ", 1)[-1]
        if EMAIL.fullmatch(value) and value in text:
            others = [address for address in addresses if address not in text]
        elif f'{label} "{value}"' in text:
            others = [phrase for phrase in phrases if phrase.lower() not in text.lower()]
        else:
            continue
        before = [one for at, part in case.leaves.items() if at < index for _, one in part]
        given = [one for part in case.given.values() for _, _, one in part]
        if (
            others
            and not any(isinstance(one, str) and value in one for one in before)
            and (sum(isinstance(one, str) and value.lower() in one.lower() for one in given) == 1)
        ):
            places.append((index, turn.end, call, pointer, value, rng.choice(others)))
    if not places:
        return None
    index, end, call, pointer, value, other = rng.choice(places)
    better = _with_value(case, rng, [(index, call, pointer, value)], lambda _: other)
    if better is None:
        return None
    messages = list(better.messages)
    for at in range(index + 1, end):
        message = messages[at]
        if message.content:
            messages[at] = changed(message, content=message.content.replace(value, other))
        elif message.result is not None and message.result.call_id == call.id:
            text = msgspec.json.encode(message.result.content).decode()
            there, then = (msgspec.json.encode(one).decode().strip('"') for one in (value, other))
            content = msgspec.json.decode(text.replace(there, then))
            messages[at] = changed(message, result=changed(message.result, content=content))
    return _remade(better, messages)


def _repeated_call(case: Case, rng: Random) -> Case | None:
    """The same call again at once, with the same result."""
    places = [
        index
        for index, message in enumerate(case.messages)
        if len(message.tool_calls) == 1
        and index + 1 < len(case.messages)
        and (result := case.messages[index + 1].result) is not None
        and not failed(result)
        and len(case.leaves[index + 1]) > 2
    ]
    if not places:
        return None
    index = rng.choice(places)
    pair = (changed(case.messages[index], content=None), case.messages[index + 1])
    return _remade(case, _numbered((*case.messages[: index + 2], *pair, *case.messages[index + 2 :])))


def _no_call(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    if not case.calls_wanted:
        return None
    kept = [changed(message, tool_calls=()) for message in case.messages if message.result is None]
    return _remade(case, [message for message in kept if message.role == "user" or message.content])


def _needless_call(case: Case, rng: Random) -> Case | None:
    """No tool suits, and one is called all the same."""
    return None if case.calls_wanted else _called_in_vain(case, rng, case.tools[rng.choice(sorted(case.tools))].name)


def _done_after_all(case: Case, rng: Random) -> Case | None:
    """No tool suits, and what was asked for is done with one that nobody has."""
    if case.calls_wanted:
        return None
    return _called_in_vain(case, rng, f"{rng.choice(sorted(case.tools))[:50]}_V2")


def _claimed_without_call(case: Case, rng: Random) -> Case | None:
    """No tool suits, and the assistant says that it is done."""
    if case.calls_wanted:
        return None
    text = rng.choice(
        ("Done, it's all taken care of.", "I've just sent it for you.", "All set! I have updated the entry.")
    )
    return _with_text(case, case.turns[0].end - 1, text)


def _called_in_vain(case: Case, rng: Random, name: str) -> Case | None:
    """A call with arguments of some sort, its result and a reply, instead of the first refusal."""
    known = case.tools.get(name) or case.tools[min(case.tools)]
    whole = result_schema(known)
    try:
        arguments = sample(known.parameters, known.parameters, rng, lean=True)
        content = sample(whole, whole, rng, lean=True)
    except NoValueError:
        return None
    end = case.turns[0].end
    made = (
        Message(role="assistant", tool_calls=(ToolCall(id="call_1", name=name, arguments=arguments),)),
        Message(role="tool", result=ToolResult(call_id="call_1", name=name, content=content)),
        Message(role="assistant", content=rng.choice(("That worked, it is in place.", "I took care of it."))),
    )
    return _remade(case, (*case.messages[: end - 1], *made, *case.messages[end:]))


# ── results and what is made of them ──────────────────────────────────────────────────────────


def _broken_result(case: Case, rng: Random) -> Case | None:
    places = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error or not isinstance(result.content, dict):
            continue
        returns = case.tools[result.name].returns
        for name in sorted(result.content):
            for other in ({**result.content, name: "?!"}, _without(result.content, name)):
                if returns is not None and not validator(returns).is_valid(other):
                    places.append((index, other))
    if not places:
        return None
    index, content = rng.choice(places)
    return _with_result(case, index, content)


def _another_title(case: Case, rng: Random) -> Case | None:
    """The same question later is answered with the same thing under another title."""
    places = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or failed(result) or parse_tool_name(result.name).action not in ("list", "get"):
            continue
        leaves = dict(case.leaves[index])
        for pointer, value in leaves.items():
            around, _, name = pointer.rpartition("/")
            told = isinstance(value, str) and value and words(name) and set(words(name)) <= TITLE_WORDS
            identity = str(leaves.get(f"{around}/id") or "")
            known = told and pointer.count("/") <= _DEEP and len(identity) >= _LONG_ID
            if known and not _is_elsewhere(case, identity, index):
                places.append((index, pointer))
    if not places:
        return None
    index, pointer = rng.choice(places)
    result = case.messages[index].result
    assert result is not None
    call = next(call for _, call in _calls(case) if call.id == result.call_id)
    title = f"Zebra quince {rng.randint(100, 999)}"
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content))}
    put_pointer(content, f"/{pointer}", title)
    again = (
        Message(role="user", content="Could you look that up again, please?"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", result=changed(result, content=content[""])),
        Message(role="assistant", content=f"It is there: {title}."),
    )
    return _remade(case, _numbered((*case.messages, *again)))


def _is_elsewhere(case: Case, identity: str, index: int) -> bool:
    """Whether an earlier result shows the thing, or a later call may change it."""
    shown = any(value == identity for at, part in case.leaves.items() if at < index for _, value in part)
    return shown or any(value == identity for at, part in case.given.items() if at > index for _, _, value in part)


def _another_echo(case: Case, rng: Random) -> Case | None:
    """A result names another thing than its call, under the same name."""
    places = []
    calls = {call.id: call for _, call in _calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or failed(result) or parse_tool_name(result.name).action == "create":
            continue
        for pointer, value in case.leaves[index]:
            name = pointer.rpartition("/")[2]
            said = calls[result.call_id].arguments.get(name)
            noun = resource_noun(name).rpartition(" ")[2] if is_id(name) else ""
            if noun and isinstance(value, str) and said == value and pointer.count("/") <= 1:
                places.append((index, pointer, value))
    if not places:
        return None
    index, pointer, value = rng.choice(places)
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", _shuffled_id(value, rng))
    return _with_result(case, index, content[""])


def _disagreeing_fields(case: Case, rng: Random) -> Case | None:
    """Something ends before it begins."""
    places = []
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or failed(result):
            continue
        leaves = dict(case.leaves[index])
        for pointer, value in leaves.items():
            start = next(
                (leaves.get(pointer.replace(end, "start")) for end in ("end",) if f"/{end}" in f"/{pointer}"), 0
            )
            if isinstance(start, str) and isinstance(value, str) and start < value and "T" in value:
                places.append((index, pointer, start))
    if not places:
        return None
    index, pointer, start = rng.choice(places)
    return _with_leaf(case, index, pointer, f"{int(start[:4]) - 1}{start[4:]}")


def _somebody_elses(case: Case, rng: Random) -> Case | None:
    """An item of what was listed of one thing is of another."""
    places = []
    calls = {call.id: call for _, call in _calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or failed(result) or parse_tool_name(result.name).action != "list":
            continue
        asked = {resource_noun(key): value for key, value in calls[result.call_id].arguments.items() if is_id(key)}
        for pointer, value in case.leaves[index]:
            *_, holder, name = ("", *pointer.split("/"))
            if isinstance(value, str) and is_id(name) and asked.get(holder) == value and not resource_noun(name):
                places.append((index, pointer, value))
    if not places:
        return None
    index, pointer, value = rng.choice(places)
    return _with_leaf(case, index, pointer, _shuffled_id(value, rng))


def _off_topic(case: Case, rng: Random) -> Case | None:
    """A search finds something that has nothing of what was searched for."""
    places = []
    calls = {call.id: call for _, call in _calls(case)}
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or failed(result) or parse_tool_name(result.name).verb not in ("find", "search"):
            continue
        query = calls[result.call_id].arguments.get("query") or calls[result.call_id].arguments.get("name_contains")
        sought = [word for word in str(query or "").lower().split() if len(word) > _DEEP - 1 and word.isalpha()]
        named = [
            at for at, value in case.leaves[index] if isinstance(value, str) and set(words(_name(at))) & TITLE_WORDS
        ]
        titled = [at for at in named if at.split("/")[-2].isdigit() and sum(map(str.isdigit, at.split("/"))) == 1]
        if 0 < len(sought) == len(str(query).split()) <= _SHORT and titled:
            places.append((index, rng.choice(titled).rpartition("/")[0], sought))
    if not places:
        return None
    index, item, sought = rng.choice(places)
    damaged_one = case
    for pointer, value in case.leaves[index]:
        if pointer.startswith(f"{item}/") and isinstance(value, str):
            if is_id(_name(pointer)):
                damaged_one = _with_leaf(damaged_one, index, pointer, _shuffled_id(value, rng))
            elif any(word in value.lower() for word in sought):
                damaged_one = _with_leaf(damaged_one, index, pointer, f"Zebra quince {rng.randint(100, 999)}")
    return damaged_one


def _with_leaf(case: Case, index: int, pointer: str, value: Any) -> Case:
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", value)
    return _with_result(case, index, content[""])


def _error_as_success(case: Case, rng: Random) -> Case | None:
    """The last call of a turn fails, and the reply says that it went well."""
    places = [(last, at) for last, at in _answers(case) if not _called_before(case, at)]
    if not places:
        return None
    last, at = rng.choice(places)
    error = {"error": {"code": "permission_denied", "message": "The caller is not allowed to do this."}}
    better = _with_result(case, at, error, error=True)
    reply = changed(case.messages[last], content=rng.choice(("Done, that worked. All is in place now.", "All set!")))
    return _remade(case, _put(better.messages, last, reply))


def _called_before(case: Case, at: int) -> bool:
    """Whether another call of the turn has the same tool: its failure could count as made good."""
    result = case.messages[at].result
    turn = next(turn for turn in case.turns if turn.start < at < turn.end)
    return any(
        index != at and (other := case.messages[index].result) is not None and result and other.name == result.name
        for index in range(turn.start, turn.end)
    )


def _said(text: str) -> Callable[[Case, Random], Case | None]:
    """A damage that adds something to a reply."""
    return lambda case, rng: _add(case, rng, text, _replies(case))


def _told(text: str) -> Callable[[Case, Random], Case | None]:
    """A damage that adds something to a reply after results."""
    return lambda case, rng: _add(case, rng, text, [last for last, _ in _answers(case)])


def _add(case: Case, rng: Random, text: str, replies: Sequence[int]) -> Case | None:
    if not replies:
        return None
    last = rng.choice(replies)
    return _with_text(case, last, f"{case.messages[last].content} {text}")


def _uncited(case: Case, rng: Random) -> Case | None:
    already = {finding.message for finding in uncited_answer(case)}
    answers = [last for last, at in _answers(case) if _tells(case, at) and last not in already]
    return _with_text(case, rng.choice(answers), "That has been taken care of.") if answers else None


def _untold(case: Case, rng: Random) -> Case | None:
    """The reply names a thing of another result of the turn, and nothing of what was looked up beside it."""
    options: list[tuple[int, str]] = []
    for turn in case.turns:
        last = case.messages[turn.end - 1]
        if last.role != "assistant" or last.tool_calls:
            continue
        for at in lookups(case, turn):
            here = {word for _, value in case.leaves[at] for word in str(value).lower().split()}
            told = (
                value
                for index in range(turn.start, turn.end)
                if index != at and case.messages[index].result is not None
                for pointer, value in case.leaves[index]
                if isinstance(value, str)
                and len(value) > 4
                and not is_id(_name(pointer))
                and here.isdisjoint(value.lower().split())
            )
            options += [(turn.end - 1, value) for value in list(told)[:1]]
    if not options:
        return None
    last, value = rng.choice(options)
    return _with_text(case, last, f'That would be "{value}".')


def _tells(case: Case, at: int) -> bool:
    result = case.messages[at].result
    return (result is not None and not result.error) and any(
        isinstance(value, str) and len(value) > 4 and not is_id(_name(pointer)) for pointer, value in case.leaves[at]
    )


def _unanswered(case: Case, rng: Random) -> Case | None:
    """Nothing is called in the turn, only promised."""
    answers = list(_answers(case))
    if not answers:
        return None
    last, _ = rng.choice(answers)
    turn = next(turn for turn in case.turns if turn.start < last < turn.end)
    promise = changed(case.messages[last], content=rng.choice(("Sure, I'll look into it right away.", "One moment.")))
    return _remade(case, _numbered((*case.messages[: turn.start + 1], promise, *case.messages[turn.end :])))


# ── structure ─────────────────────────────────────────────────────────────────────────────────


def _dropped(role: str) -> Callable[[Case, Random], Case | None]:
    def inflict(case: Case, rng: Random) -> Case | None:
        places = [
            index for index, message in enumerate(case.messages) if message.role == role and not message.tool_calls
        ]
        if not places:
            return None
        index = rng.choice(places)
        return _remade(case, (*case.messages[:index], *case.messages[index + 1 :]))

    return inflict


def _swapped_speakers(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    other = {"user": "assistant", "assistant": "user"}
    return _remade(case, [changed(one, role=other.get(one.role, one.role)) for one in case.messages])


def _wrong_call_id(case: Case, rng: Random) -> Case | None:
    places = list(_calls(case))
    if not places:
        return None
    index, call = rng.choice(places)
    return _with_call(case, index, call, changed(call, id="call_99"), rename_result=False)


def _swapped_results(case: Case, rng: Random) -> Case | None:
    """Results of calls that are made at once, in another order."""
    places = [index for index, message in enumerate(case.messages) if len(message.tool_calls) > 1]
    if not places:
        return None
    index = rng.choice(places)
    first, second = case.messages[index + 1 : index + 3]
    return _remade(case, (*case.messages[: index + 1], second, first, *case.messages[index + 3 :]))


def _one_turn(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    return _remade(case, case.messages[: case.turns[0].end])


# ── speech ────────────────────────────────────────────────────────────────────────────────────


def _user_says(text: str) -> Callable[[Case, Random], Case | None]:
    def inflict(case: Case, rng: Random) -> Case | None:
        turn = rng.choice(case.turns)
        return _with_text(case, turn.start, f"{case.messages[turn.start].content}{text}")

    return inflict


def _user_names_tool(case: Case, rng: Random) -> Case | None:
    names = [call.name for _, call in _calls(case) if "_" in call.name and call.name not in case.announced]
    return _user_says(f" Please use {rng.choice(names)} for it.")(case, rng) if names else None


def _gibberish(role: str) -> Callable[[Case, Random], Case | None]:
    def inflict(case: Case, rng: Random) -> Case | None:
        places = [index for index, one in enumerate(case.messages) if one.role == role and one.content]
        words = ["".join(rng.choices("bcdfghjklmnpqrstvwxz", k=rng.randint(4, 9))) for _ in range(14)]
        return _with_text(case, rng.choice(places), " ".join(words).capitalize() + ".")

    return inflict


def _loop(case: Case, rng: Random) -> Case | None:
    return _said(" ".join([rng.choice(("and then we go on", "very", "the file is here,"))] * 8))(case, rng)


def _repeated_message(case: Case, rng: Random) -> Case | None:  # noqa: ARG001
    text = "Thank you very much, that is all I needed for today."
    more = (Message(role="user", content=text), Message(role="assistant", content="You are welcome."))
    return _remade(case, (*case.messages, *more, *more))


def _thought_aloud(case: Case, rng: Random) -> Case | None:
    thought = "The user wants this done now, so I have to make the call first."
    last = rng.choice(_replies(case))
    message = changed(case.messages[last], thought=thought, content=f"{thought} {case.messages[last].content}")
    return _remade(case, _put(case.messages, last, message))


def _thought_with_markup(case: Case, rng: Random) -> Case | None:
    last = rng.choice(_replies(case))
    message = changed(case.messages[last], thought="Now I write </assistant> and answer.")
    return _remade(case, _put(case.messages, last, message))


def _other_language(case: Case, rng: Random) -> Case | None:
    last = rng.choice(_replies(case))
    text = rng.choice(
        (
            "Ich habe das für Sie erledigt und die Angaben sind jetzt in der Liste, wie Sie es wollten.",
            "J'ai fait ce que vous avez demandé et les données sont dans la liste avec les autres.",
            "Готово, я всё сделал, как вы просили, и теперь данные в списке.",
        )
    )
    return _with_text(case, last, text)


def _placeholder_result(case: Case, rng: Random) -> Case | None:
    places = [
        (index, pointer)
        for index, leaves in case.leaves.items()
        for pointer, value in leaves
        if isinstance(value, str) and pointer
    ]
    if not places:
        return None
    index, pointer = rng.choice(places)
    result = case.messages[index].result
    content = {"": msgspec.json.decode(msgspec.json.encode(result.content if result else None))}
    put_pointer(content, f"/{pointer}", "<base64>")
    return _with_result(case, index, content[""])


DAMAGES: tuple[Damage, ...] = (
    Damage("wrong_value", ("ungrounded_argument",), "tool_use_quality", _wrong_value),
    Damage("invented_id", ("ungrounded_argument",), "tool_use_quality", _invented_id),
    Damage("unknown_tool", ("unknown_tool",), "tool_use_quality", _unknown_tool),
    Damage("tool_before_it_is_there", ("unknown_tool",), "tool_use_quality", _too_early),
    Damage("definition_left_out", ("unknown_tool",), "tool_use_quality", _definition_left_out),
    Damage("missing_argument", ("missing_argument",), "tool_use_quality", _missing_argument),
    Damage("wrong_type", ("invalid_arguments",), "tool_use_quality", _wrong_type),
    Damage("unknown_argument", ("invalid_arguments",), "tool_use_quality", _unknown_argument),
    Damage("placeholder_argument", ("placeholder_content",), "tool_use_quality", _placeholder_argument),
    Damage("contradiction", ("contradicts_user",), "tool_use_quality", _contradiction),
    Damage("repeated_call", ("repeated_call",), "tool_use_quality", _repeated_call),
    Damage("no_call", ("no_call",), "task_completion", _no_call),
    Damage("needless_call", ("needless_call",), "tool_use_quality", _needless_call),
    Damage("done_after_all", ("needless_call", "unknown_tool"), "tool_use_quality", _done_after_all),
    Damage("claimed_without_call", ("false_success",), "tool_use_quality", _claimed_without_call),
    Damage("another_title", ("contradicted_state",), "tool_use_quality", _another_title),
    Damage("another_echo", ("echo_mismatch",), "tool_use_quality", _another_echo),
    Damage("somebody_elses", ("echo_mismatch",), "tool_use_quality", _somebody_elses),
    Damage("off_topic", ("echo_mismatch",), "tool_use_quality", _off_topic),
    Damage("disagreeing_fields", ("contradicts_itself",), "tool_use_quality", _disagreeing_fields),
    Damage("broken_result", ("invalid_result",), "tool_use_quality", _broken_result),
    Damage("error_as_success", ("false_success",), "tool_use_quality", _error_as_success),
    Damage(
        "invented_address", ("unsupported_claim",), "tool_use_quality", _told("A copy went to zoe.qx@nowherefirm.com.")
    ),
    Damage("invented_amount", ("unsupported_claim",), "tool_use_quality", _told("The total is $73,919.57.")),
    Damage("invented_title", ("unsupported_claim",), "tool_use_quality", _told('It is in "Zebra Plan Omega".')),
    Damage("invented_id_told", ("unsupported_claim",), "tool_use_quality", _told("Its number is qz-77x31kv9.")),
    Damage("invented_link", ("unsupported_claim",), "tool_use_quality", _told("See https://files.zq.net/a91.")),
    Damage("invented_date", ("unsupported_claim",), "tool_use_quality", _told("It happened on March 3, 1987.")),
    Damage("uncited_answer", ("uncited_answer",), "task_completion", _uncited),
    Damage("untold_lookup", ("untold_lookup",), "task_completion", _untold),
    Damage("unanswered_request", ("unanswered_request",), "task_completion", _unanswered),
    Damage("dropped_result", ("structure",), "tool_use_quality", _dropped("tool")),
    Damage("dropped_reply", ("structure",), "task_completion", _dropped("assistant")),
    Damage("swapped_speakers", ("structure",), "naturalness", _swapped_speakers),
    Damage("wrong_call_id", ("structure",), "tool_use_quality", _wrong_call_id),
    Damage("swapped_results", ("structure",), "tool_use_quality", _swapped_results),
    Damage("one_turn", ("too_few_user_messages",), "task_completion", _one_turn),
    Damage("user_as_assistant", ("wrong_speaker",), "naturalness", _user_says(" How can I help you today?")),
    Damage("both_sides_at_once", ("wrong_speaker",), "naturalness", _user_says("\nAssistant: I have done that.")),
    Damage("user_names_tool", ("wrong_speaker",), "naturalness", _user_names_tool),
    Damage("gibberish_user", ("gibberish",), "user_query_clarity", _gibberish("user")),
    Damage("gibberish_assistant", ("gibberish",), "naturalness", _gibberish("assistant")),
    Damage("loop", ("degenerate_repetition",), "naturalness", _loop),
    Damage("repeated_message", ("repeated_message",), "naturalness", _repeated_message),
    Damage("leaked_markup", ("leaked_markup",), "naturalness", _said("</tool_response>")),
    Damage("leaked_template", ("leaked_markup",), "naturalness", _said("<|im_end|>")),
    Damage("thought_aloud", ("leaked_thought",), "naturalness", _thought_aloud),
    Damage("thought_with_markup", ("leaked_markup",), "naturalness", _thought_with_markup),
    Damage("broken_characters", ("broken_characters",), "naturalness", _said("Fine \ufffd\ufffd.")),
    Damage("other_language", ("wrong_language",), "naturalness", _other_language),
    Damage("placeholder_reply", ("placeholder_content",), "naturalness", _said("Write to <name> at any time.")),
    Damage("placeholder_result", ("placeholder_content",), "tool_use_quality", _placeholder_result),
    Damage("card_number", ("personal_data",), "naturalness", _user_says(" My card is 4539 1488 0343 6467.")),
    Damage("iban", ("personal_data",), "naturalness", _user_says(" It is DE89 3704 0044 0532 0130 00.")),
    Damage("social_security", ("personal_data",), "naturalness", _user_says(" My number is 536-22-8145.")),
    Damage("api_key", ("personal_data",), "naturalness", _user_says(" Key: AKIAIOSFODNN7QXAMPLE.")),
)


# ── how conversations are changed ─────────────────────────────────────────────────────────────


def _remade(case: Case, messages: Sequence[Message]) -> Case:
    kept = tuple(messages)
    return replace(case, messages=kept, provenance=trace(kept, case.tools, case.situation))


def _put(messages: Sequence[Message], index: int, message: Message) -> Messages:
    return (*messages[:index], message, *messages[index + 1 :])


def _with_text(case: Case, index: int, text: str) -> Case:
    return _remade(case, _put(case.messages, index, changed(case.messages[index], content=text)))


def _with_result(case: Case, index: int, content: Any, error: bool = False) -> Case:
    before = case.messages[index].result
    assert before is not None
    result = ToolResult(call_id=before.call_id, name=before.name, content=content, error=error)
    return _remade(case, _put(case.messages, index, changed(case.messages[index], result=result)))


def _with_call(case: Case, index: int, call: ToolCall, other: ToolCall, rename_result: bool = True) -> Case:
    calls = tuple(other if one is call else one for one in case.messages[index].tool_calls)
    messages = list(_put(case.messages, index, changed(case.messages[index], tool_calls=calls)))
    for at, message in enumerate(messages):
        if rename_result and message.result is not None and message.result.call_id == call.id:
            messages[at] = changed(message, result=changed(message.result, name=other.name))
    return _remade(case, messages)


def _with_value(
    case: Case, rng: Random, places: Sequence[tuple[int, ToolCall, str, str]], other: Callable[[str], str]
) -> Case | None:
    if not places:
        return None
    index, call, pointer, value = rng.choice(places)
    arguments = msgspec.json.decode(msgspec.json.encode(call.arguments))
    put_pointer(arguments, pointer, other(value))
    return _with_call(case, index, call, changed(call, arguments=arguments))


def _calls(case: Case) -> Iterator[tuple[int, ToolCall]]:
    return ((index, call) for index, message in enumerate(case.messages) for call in message.tool_calls)


def _strings(case: Case) -> Iterator[tuple[int, ToolCall, str, str]]:
    """Free texts among the arguments: (message, call, pointer, value)."""
    for index, part in case.given.items():
        for call, pointer, value in part:
            schema = schema_at(case.tools[call.name].parameters, pointer) or {}
            if isinstance(value, str) and len(value) > 3 and not {"enum", "const", "default"} & schema.keys():
                yield index, call, pointer, value


def _answers(case: Case) -> Iterator[tuple[int, int]]:
    """(reply, last result before it) of each turn in which something was called."""
    for turn in case.turns:
        last = turn.end - 1
        if last > turn.start and case.messages[last].content and case.messages[last - 1].result is not None:
            yield last, last - 1


def _replies(case: Case) -> list[int]:
    """The last message of each turn."""
    return [turn.end - 1 for turn in case.turns if case.messages[turn.end - 1].content]


def _numbered(messages: Sequence[Message]) -> Messages:
    """Calls numbered anew, and their results after them."""
    done: list[Message] = []
    count = 0
    waiting: list[str] = []
    for message in messages:
        if message.tool_calls:
            calls = tuple(
                changed(call, id=f"call_{number}") for number, call in enumerate(message.tool_calls, start=count + 1)
            )
            count += len(calls)
            waiting = [call.id for call in calls]
            done.append(changed(message, tool_calls=calls))
        elif message.result is not None:
            done.append(changed(message, result=changed(message.result, call_id=waiting.pop(0))))
        else:
            done.append(message)
    return tuple(done)


def _name(pointer: str) -> str:
    return next((step for step in reversed(pointer.split("/")) if not step.isdigit()), "")


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key != name}


def _other_text(value: str, rng: Random) -> str:
    if "@" in value:
        return f"quill.{rng.randint(100, 999)}@zephyrworks.net"
    if value[:4].isdigit() and value[4:5] == "-":
        return f"19{rng.randint(70, 99)}{value[4:]}"
    return f"{value.split(' ')[0]} {rng.choice(('zebra', 'quince', 'walrus'))} {rng.randint(1000, 9999)}"


def _shuffled_id(value: str, rng: Random) -> str:
    letters = [rng.choice("0123456789") if one.isdigit() else rng.choice("xyz") for one in value]
    return "".join(letters) if "".join(letters) != value else "9" * len(value)
