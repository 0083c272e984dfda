"""Whole conversations on the offline engine: what must hold of every one, in every partition."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from offline import ENGINE, PARTITIONS, Played, casts, is_accepted, play, played

from funcdex_assets.checks.findings import Case, find_problems
from funcdex_assets.checks.provenance import find_ungrounded_arguments, trace_arguments
from funcdex_assets.checks.rules.changes import needless_change, removed_stranger
from funcdex_assets.dialogue.item_choices import find_choices
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.language import request_phrases
from funcdex_assets.language.lexicon import find_slots, load_turn_moves
from funcdex_assets.language.spoken_values import find_first_form, find_quoted_part
from funcdex_assets.planning.arguments import assemble_arguments
from funcdex_assets.records.chain_patterns import EDGELESS_PATTERNS
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.openai_messages import to_openai_tools
from funcdex_assets.records.plan import PlannedStep, PlannedTurn
from funcdex_assets.roles.assistant import Call, Move
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.turn_loop import MAX_MOVES_PER_TURN, PlayOptions, simulate_conversation

EACH = 12
every_partition = pytest.mark.parametrize("partition", PARTITIONS)


def conversations(partition: str) -> tuple[Played, ...]:
    """Half of them with the assistant's thoughts."""
    return played(partition, EACH)[: EACH // 2] + played(partition, EACH, thoughts=True)[EACH // 2 :]


def calls(one: Played) -> list[tuple[int, ToolCall]]:
    return [(index, call) for index, message in enumerate(one.conversation.messages) for call in message.tool_calls]


def planned_calls(one: Played) -> Iterator[tuple[int, ToolCall, PlannedStep]]:
    for (index, call), step in zip(calls(one), one.cast.plan.steps, strict=True):
        yield index, call, step


def beyond(one: Played) -> set[int]:
    """Steps of the plan that are not the chain's: those that go wrong, and those that were meant otherwise."""
    plan = one.cast.plan
    corrected = {turn.step for turn in plan.turns if turn.kind == "correction" and turn.step is not None}
    return {index for index, step in enumerate(plan.steps) if step.fault} | corrected


# ── every conversation ────────────────────────────────────────────────────────────────────────


@every_partition
def test_it_is_sound_and_reads_back_from_its_markup(partition):
    for one in conversations(partition):
        check_conversation(one.conversation.messages)
        assert parse_conversation(render_conversation(one.conversation.messages)) == one.conversation.messages


@every_partition
def test_the_planned_calls_are_made_in_order_and_are_valid(partition):
    for one in conversations(partition):
        made = calls(one)
        given_up = any(turn.kind == "dropped" for turn in one.cast.plan.turns)
        wanted = 0 if one.cast.plan.kind == "no_suitable_tool" else len(one.cast.chain.steps) - given_up
        assert len(made) == wanted + len(beyond(one))
        assert [call.name for _, call in made] == [step.tool for step in one.cast.plan.steps]
        for _, call in made:
            assert find_violations(one.cast.tools[call.name].parameters, call.arguments) == [], one


@every_partition
def test_results_are_valid_and_errors_are_where_they_were_planned(partition):
    for one in conversations(partition):
        results = [message.result for message in one.conversation.messages if message.result]
        for result, step in zip(results, one.cast.plan.steps, strict=True):
            assert result.error == (step.fault not in (None, "empty_result")), one
            if not result.error and (returns := one.cast.tools[result.name].returns):
                assert find_violations(returns, result.content) == [], one


@every_partition
def test_every_argument_has_a_source(partition):
    for one in conversations(partition):
        assert list(find_ungrounded_arguments(one.conversation.messages, one.conversation.provenance)) == []


def test_the_judge_accepts_nearly_all_at_once():
    """Those that it rejects are played again, see `converse_again`; here they are played once."""
    everyone = list(all_conversations())
    assert sum(is_accepted(one) for one in everyone) > 0.85 * len(everyone)


@every_partition
def test_the_user_states_each_fact_before_the_call_that_uses_it(partition):
    for one in conversations(partition):
        for index, _, step in planned_calls(one):
            said = "\n".join(
                message.content or "" for message in one.conversation.messages[:index] if message.role == "user"
            )
            for argument in step.arguments:
                assert argument.source != "user" or find_first_form(said, [argument.surface]), f"{one}: {argument}"


@every_partition
def test_later_calls_use_earlier_results(partition):
    for one in conversations(partition):
        results = [message.result.content for message in one.conversation.messages if message.result]
        linked = one.cast.chain.pattern not in EDGELESS_PATTERNS | {
            "join",
            "fan_out",
        }  # there, a further goal begins anew
        for place, (_, call, step) in enumerate(planned_calls(one)):
            taken = [argument for argument in step.arguments if argument.source == "result"]
            assert taken or not linked or beyond(one) >= set(range(place)), one
            assert all(argument.step not in beyond(one) for argument in taken)
            for argument in taken:
                value = at_pointer(call.arguments, argument.argument)
                found = at_pointer(results[argument.step], argument.result)
                assert value == found or find_quoted_part(value) == found.replace("'", "").replace('"', ""), one


@every_partition
def test_no_template_slot_is_left_open(partition):
    for one in conversations(partition):
        for message in one.conversation.messages:
            for text in (message.content, message.thought):
                assert not text or not find_slots(text), f"{one}: {text}"
                assert not text or "None" not in text, f"{one}: {text}"


@every_partition
def test_thoughts_are_there_iff_they_were_asked_for(partition):
    for thoughts in (False, True):
        for one in played(partition, EACH, thoughts):
            said = [message.thought for message in one.conversation.messages if message.role == "assistant"]
            assert all(said) if thoughts else not any(said)


@every_partition
def test_the_same_seed_gives_the_same_conversation_and_another_seed_another(partition):
    by_kind = {one.cast.plan.kind: one for one in played(partition, EACH)}
    assert len(by_kind) >= 4  # of tools that only list, and require nothing, nothing can be asked back or declined
    for one in by_kind.values():
        assert play(one.cast) == one.conversation
        other = play(one.cast, seed=43)
        assert other.conversation_id != one.conversation.conversation_id
        assert other.messages != one.conversation.messages


def test_an_act_that_changed_nothing_is_told_as_such():
    everyone = [one for partition in ("googlecalendar", "todoist") for one in played(partition, 60)]
    found = [finding for one in everyone for rule in (removed_stranger, needless_change) for finding in rule(one.case)]
    assert found == []
    admitted = re.compile(r"changed nothing, though|so nothing changed|was not there before either")
    assert sum(bool(admitted.search(message.content or "")) for one in everyone for message in one.case.messages) >= 3


# ── what only some show ───────────────────────────────────────────────────────────────────────


def all_conversations() -> Iterator[Played]:
    for partition in PARTITIONS:
        yield from conversations(partition)


def test_what_is_withheld_comes_only_after_the_assistant_asked():
    seen = 0
    for one in all_conversations():
        messages = one.conversation.messages
        for step in one.cast.plan.steps:
            for argument in step.arguments:
                if not argument.withheld:
                    continue
                first = next(
                    index
                    for index, message in enumerate(messages)
                    if message.role == "user" and find_first_form(message.content or "", [argument.surface])
                )
                if _told_elsewhere(one, argument):
                    continue
                assert first > 0, f"{one}: {argument}"
                assert messages[first - 1].role == "assistant"
                assert messages[first - 1].content
                assert not messages[first - 1].tool_calls
                seen += 1
    assert seen > 20


def _told_elsewhere(one: Played, argument: Any) -> bool:
    """Whether the same words are a fact that the user states anyway, or the scenario's own."""
    told = [other.surface for step in one.cast.plan.steps for other in step.arguments if not other.withheld]
    scenario = [one.cast.situation.matter, one.cast.situation.persona.company]
    return any(find_first_form(words, [argument.surface]) for words in (*told, *scenario))


def test_replies_after_results_cite_a_value_of_them():
    """All but a few: an access that is removed, say, leaves nothing to be named."""
    replies = silent = 0
    for one in all_conversations():
        silent += sum(finding.rule == "uncited_answer" for finding in find_problems(one.case))
        replies += sum(
            message.role == "tool" and following.role == "assistant" and not following.tool_calls
            for message, following in zip(one.conversation.messages, one.conversation.messages[1:], strict=False)
        )
    assert replies > len(PARTITIONS) * EACH
    assert silent / replies < 0.03


def test_dialogues_are_multi_turn_and_end_with_the_assistant():
    lengths = Counter()
    for one in all_conversations():
        turns = sum(message.role == "user" for message in one.conversation.messages)
        assert turns >= 2
        assert one.conversation.messages[-1].role == "assistant"
        lengths[turns] += 1
    assert len(lengths) >= 4


@pytest.mark.parametrize("partition", ["gmail", "stripe", "gmail_googledrive"])
def test_wording_varies(partition):
    first = [one.conversation.messages[0].content for one in played(partition, 100)]
    assert len(set(first)) >= 90
    last = [one.conversation.messages[-1].content for one in played(partition, 100)]
    assert len(set(last)) >= 40


def test_the_conversation_names_its_plan_strategy_and_engine():
    one = played("gmail", EACH)[0]
    found = one.conversation
    assert (found.plan_id, found.strategy, found.engine) == (one.cast.plan.plan_id, "simulate", "offline")
    assert found.provenance == trace_arguments(found.messages, one.cast.offered, one.cast.situation)


# ── what each kind shows ──────────────────────────────────────────────────────────────────────


@dataclass
class Exchange:
    """What the user says, and what is called and replied to it; `turn` is the planned one."""

    turn: PlannedTurn
    said: str
    moves: list[Message]
    results: list[ToolResult]

    @property
    def called(self) -> list[str]:
        return [call.name for move in self.moves for call in move.tool_calls]

    @property
    def reply(self) -> str:
        return self.moves[-1].content or ""


def exchanges(one: Played) -> list[Exchange]:
    """An answer to a question belongs to the turn of the question."""
    plan, found = one.cast.plan, []
    wanted = Counter(step.turn for step in plan.steps)
    turn = -1
    for message in one.conversation.messages:
        if message.role == "user":
            turn += wanted[turn] <= 0
            found.append(Exchange(plan.turns[turn], message.content or "", [], []))
        elif message.result:
            found[-1].results.append(message.result)
        else:
            found[-1].moves.append(message)
            wanted[turn] -= len(message.tool_calls)
    assert turn == len(plan.turns) - 1
    return found


def of_kind(kind: Kind) -> list[Played]:
    found = [one for one in all_conversations() if one.cast.plan.kind == kind]
    assert len(found) >= len(PARTITIONS) - 2
    return found


def is_said(text: str, *moves: str) -> bool:
    """Whether it ends with one of the lexicon's texts for that."""
    templates = [template for move in moves for template in load_turn_moves(move)]
    patterns = [".+".join(map(re.escape, re.split(r"\{\w+\}", template))) for template in templates]
    return any(re.search(rf"(?:^|\n){pattern}$", text, re.IGNORECASE) for pattern in patterns)


def test_no_suitable_tool_is_declined_and_nothing_is_called():
    for one in of_kind("no_suitable_tool"):
        assert calls(one) == []
        vain = [exchange for exchange in exchanges(one) if exchange.turn.wanted]
        assert len(vain) == len(one.cast.chain.steps)
        for place, exchange in enumerate(vain):
            assert exchange.turn.wanted.tool not in one.cast.offered
            assert is_said(exchange.reply, "decline_again" if place else "decline"), exchange.reply


def test_a_missing_function_is_declined_then_defined_by_the_user_then_called_and_never_before():
    for one in of_kind("missing_function"):
        (late,) = one.cast.plan.late_tools
        played_out = exchanges(one)
        at = next(place for place, exchange in enumerate(played_out) if exchange.turn.kind == "unlocked")
        declined, unlocked = played_out[at - 1 : at + 1]
        assert declined.called == []
        assert is_said(declined.reply, "decline"), declined.reply
        assert late not in one.cast.offered
        assert not any(f'"name":"{late}"' in exchange.said for exchange in played_out[:at])
        (definition,) = [json.loads(line) for line in unlocked.said.splitlines() if line.startswith("{")]
        assert [definition] == to_openai_tools([one.cast.tools[late]])
        assert unlocked.called == [late]
        assert [result.error for result in unlocked.results] == [False]
        assert late not in [name for exchange in played_out[:at] for name in exchange.called]


def test_parallel_calls_share_a_message():
    for one in of_kind("parallel"):
        sizes = [len(message.tool_calls) for message in one.conversation.messages if message.tool_calls]
        assert max(sizes) > 1
        groups = [int(not step.together) for step in one.cast.plan.steps]
        assert len(sizes) == sum(groups)
        assert [first for size in sizes for first in [1] + [0] * (size - 1)] == groups


def test_calls_that_do_not_belong_together_are_made_one_by_one():
    for kind in ("multi_step", "simple", "ask_back", "missing_function"):
        for one in of_kind(kind):
            assert all(len(message.tool_calls) <= 1 for message in one.conversation.messages)


@pytest.mark.parametrize("partition", ["todoist", "googledrive", "jira", "whatsapp"])
def test_an_error_is_made_good_or_given_up_and_honestly_reported(partition):
    seen = Counter()
    for one in played(partition, 60):
        if one.cast.plan.kind != "error_recovery" or any(step.another for step in one.cast.plan.steps):
            continue
        results = [message.result for message in one.conversation.messages if message.result]
        (at,) = [index for index, step in enumerate(one.cast.plan.steps) if step.fault]
        failing, fault = results[at], one.cast.plan.steps[at].fault
        assert failing.error == (fault != "empty_result")
        if fault == "empty_result":
            assert [] in failing.content.values()
        (exchange,) = [exchange for exchange in exchanges(one) if failing in exchange.results]
        again = [result for result in results[at + 1 :] if result.name == failing.name and not result.error]
        retried = [result for result in exchange.results if result in again and _alone(one, result)]
        if retried:
            assert fault in ("rate_limit", "timeout")
            seen["retried"] += 1
            continue
        reports = [f"fault_{fault}"] if fault != "not_found" else ["fault_not_found_value", "fault_not_found_thing"]
        assert is_said(exchange.reply, *reports), exchange.reply
        after = [later.turn.kind for later in exchanges(one) if later.turn is not exchange.turn]
        if "dropped" in after:
            assert not [result for result in again if _alone(one, result)]
            (given_up,) = [later for later in exchanges(one) if later.turn.kind == "dropped"]
            assert given_up.called == []
            assert is_said(given_up.reply, "dropped_reply"), given_up.reply
            seen["given up"] += 1
        else:
            remedied = [later for later in exchanges(one) if later.turn.kind == "remedy"]
            first = next(result for later in remedied for result in later.results)
            assert (first.name, first.error) == (failing.name, False)
            seen["made good"] += 1
    assert seen.total() >= 5
    assert seen["made good"] > 0


def _alone(one: Played, result: ToolResult) -> bool:
    """Whether its call was not made at once with another."""
    return any([call.id for call in message.tool_calls] == [result.call_id] for message in one.conversation.messages)


def test_ask_back_the_assistant_asks_and_the_user_answers_before_the_call():
    for one in of_kind("ask_back"):
        left_out = [
            (index, argument)
            for index, step in enumerate(one.cast.plan.steps)
            for argument in step.arguments
            if argument.withheld and not _told_elsewhere(one, argument)
        ]
        messages = one.conversation.messages
        for place, argument in left_out:
            told = next(
                index
                for index, message in enumerate(messages)
                if message.role == "user" and find_first_form(message.content or "", [argument.surface])
            )
            asked, answered = messages[told - 1], messages[told + 1]
            assert asked.role == "assistant"
            assert not asked.tool_calls
            assert request_phrases.render_argument_name(argument.argument) in (asked.content or "")
            assert answered.tool_calls
            assert calls(one)[place][0] > told
        assert left_out or any(
            _told_elsewhere(one, argument) for step in one.cast.plan.steps for argument in step.arguments
        )


def test_multi_step_has_several_calls_and_six_user_turns_or_more():
    turns = Counter()
    for one in of_kind("multi_step"):
        assert len(one.cast.chain.steps) >= 3
        turns[sum(message.role == "user" for message in one.conversation.messages)] += 1
    assert min(turns) >= 6


def test_what_is_asked_for_again_is_asked_for_in_other_words():
    """However little differs in what is asked for: of two recalls of a date, the words around it differ."""
    several = 0
    for one in (one for partition in ("gmail", "asana", "stripe", "jira") for one in played(partition, 60)):
        asked = [exchange.said for exchange in exchanges(one) if exchange.turn.kind == "recall"]
        assert len({phrases_of(text) for text in asked}) == len(asked), asked
        several += len(asked) > 1
    assert several > 5


def phrases_of(text: str) -> str:
    """The text without what is asked for: the words of the first template that fits."""
    by_register = load_turn_moves("recall").values()  # type: ignore[attr-defined]
    for template in (template for templates in by_register for template in templates):
        if re.fullmatch(".+".join(map(re.escape, re.split(r"\{\w+\}", template))), text):
            return template
    return text


ORDINALS = ("first", "second", "third")


def test_the_second_one_is_the_second_of_the_list():
    """Where the user means not the first thing of a list, its place is said, and the value is from there."""
    seen = Counter()
    for one in all_conversations():
        messages = one.conversation.messages
        results = [message.result.content for message in messages if message.result]
        for index, call, step in planned_calls(one):
            said = " ".join(message.content or "" for message in messages[:index] if message.role == "user").lower()
            for argument in step.arguments:
                placed = re.fullmatch(r"(.+?)/([12])(/.+)", argument.result or "")
                if not placed or argument.step is None or step.together or one.cast.chain.pattern == "fan_out":
                    continue
                listed = at_pointer(results[argument.step], placed[1])
                place = int(placed[2])
                assert isinstance(listed, list)
                assert len(listed) > place
                value = at_pointer(call.arguments, argument.argument)
                found = at_pointer(listed[place], placed[3])
                assert value == found or find_quoted_part(value) == found.replace("'", "").replace('"', "")
                choice = find_choices(results[argument.step], argument.result or "")[0]
                title = (choice.title or choice.holder_title or str(found)).lower()
                is_last = place == len(listed) - 1 and "last" in said
                assert f"the {ORDINALS[place]}" in said or title in said or is_last, f"{one}: {argument}"
                seen[place] += 1
    assert seen[1] > 20
    assert seen[2] > 10


def test_several_things_of_a_list_are_the_first_ones_in_order():
    seen = 0
    for one in of_kind("parallel"):
        if one.cast.chain.pattern != "fan_out":
            continue
        first = one.cast.plan.steps[0]
        if first.fault:
            continue
        results = [message.result.content for message in one.conversation.messages if message.result]
        taken = [
            (int(placed[2]), at_pointer(call.arguments, argument.argument), at_pointer(results[0], argument.result))
            for _, call, step in planned_calls(one)
            if not step.fault
            for argument in step.arguments
            if argument.step == 0 and (placed := re.search(r"(.*?)/(\d+)(?=/|$)", argument.result or ""))
        ]
        assert sorted({place for place, _, _ in taken}) == list(range(len({place for place, _, _ in taken})))
        assert len({place for place, _, _ in taken}) > 1
        assert all(value == found for _, value, found in taken)
        seen += 1
    assert seen > 3


# ── players that misbehave ────────────────────────────────────────────────────────────────────


@dataclass
class Engine(OfflineEngine):
    """The offline engine with another player."""

    player: Any
    role: str = "assistant"
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__({**IMPROVISATIONS, self.role: self.player})

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        return await super().complete(request)


CAST = next(  # its user asks for one thing after the other
    one
    for one in casts("todoist", 4 * EACH)
    if len(one.plan.steps) > 4 and {turn.kind for turn in one.plan.turns} == {"request", "thanks"}
)


PLAIN = PlayOptions()


def perform(player: Any, role: str = "assistant", manner: PlayOptions = PLAIN) -> tuple[Conversation, list[Request]]:
    engine = Engine(player, role)
    return asyncio.run(simulate_conversation(CAST.played, engine, manner, 1)), engine.asked


def guessed(step: PlannedStep) -> Call:
    """The step's call with anything for what it takes from results."""
    return Call(step.tool, assemble_arguments(step.arguments, {argument.argument: "x1" for argument in step.arguments}))


def broken(conversation: Conversation) -> tuple[str, str]:
    """The rule by which it failed, and its transcript."""
    assert conversation.failure is not None
    assert (conversation.messages, conversation.provenance) == ((), ())
    (attempt,) = conversation.attempts
    assert (attempt.kind, attempt.findings) == ("written", (conversation.failure,))
    return conversation.failure.rule, attempt.text


def rules(conversation: Conversation) -> set[str]:
    case = Case(conversation.messages, CAST.offered, conversation.provenance, CAST.situation)
    return {finding.rule for finding in find_problems(case) if finding.blocking}


def test_an_assistant_that_never_stops_calling_is_cut_off():
    conversation, asked = perform(lambda scene, rng: Move(calls=[guessed(scene.plan.steps[0])]))
    rule, transcript = broken(conversation)
    assert rule == "endless"
    assert transcript.count(f"call {CAST.plan.steps[0].tool}: ") == MAX_MOVES_PER_TURN
    assert len(asked) == 1 + MAX_MOVES_PER_TURN


def test_nobody_asks_for_what_is_done_already():
    def hasty(scene: Any, rng: Random) -> Move:
        left = scene.plan.steps[len(scene.results) :]
        return Move(calls=[guessed(step) for step in left[:4]]) if left else Move(reply="All done.")

    conversation, _ = perform(hasty)
    asked = [message.content for message in conversation.messages if message.role == "user"]
    assert 1 <= len(asked) <= 2  # one request, and perhaps a farewell


@pytest.mark.parametrize(
    ("call", "said", "rule"),
    [
        pytest.param(Call("LAUNCH_ROCKET", {}), "there is no tool 'LAUNCH_ROCKET'", "unknown_tool", id="unknown tool"),
        pytest.param(
            Call(CAST.plan.steps[0].tool, {"warp": 9}), "warp", "invalid_arguments", id="arguments of no such tool"
        ),
    ],
)
def test_a_call_that_makes_no_sense_gets_an_error_and_is_found(call, said, rule):
    def clumsy(scene: Any, rng: Random) -> Move:
        return Move(reply="I see.") if scene.messages[-1].role == "tool" else Move(calls=[call])

    conversation, _ = perform(clumsy)
    results = [message.result for message in conversation.messages if message.result]
    assert results
    assert all(result.error and said in result.content["error"] for result in results)
    assert rule in rules(conversation)


def test_a_date_at_the_end_of_the_calendar_is_refused():
    one = next(cast for cast in casts("googlecalendar", 12) if "LIST_EVENTS" in cast.offered)

    def distant(scene: Any, rng: Random) -> Move:
        if scene.messages[-1].role == "tool":
            return Move(reply="I see.")
        return Move(calls=[Call("LIST_EVENTS", {"calendar_id": "primary", "time_min": "9999-12-31T00:00:00Z"})])

    conversation = asyncio.run(simulate_conversation(one.played, Engine(distant), PLAIN, 1))
    results = [message.result for message in conversation.messages if message.result]
    assert {(result.error, str(result.content)) for result in results} == {
        (True, "{'error': 'a date is out of range'}")
    }


def test_parallel_calls_are_one_message_followed_by_their_results():
    def eager(scene: Any, rng: Random) -> Move:
        if scene.messages[-1].role == "user" and scene.list_pending_steps():
            return Move(calls=[Call(scene.plan.tools[0], {}), Call(scene.plan.tools[0], {})])
        return Move(reply="Done.")

    messages = perform(eager)[0].messages
    at = next(index for index, message in enumerate(messages) if message.tool_calls)
    assert [call.id for call in messages[at].tool_calls] == ["call_1", "call_2"]
    assert [message.result.call_id for message in messages[at + 1 : at + 3] if message.result] == ["call_1", "call_2"]


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        pytest.param({"reply": "", "calls": []}, 1 + 3, id="an empty reply and no call"),
        pytest.param({"thought": "Hm."}, 1 + 3, id="only a thought"),
        pytest.param("I would rather chat.", 1 + 3, id="prose instead of a move"),
        pytest.param({"calls": [{"name": "SEND_EMAIL", "arguments": "to Bo"}]}, 1 + 3, id="arguments that are text"),
        pytest.param({"calls": [{"name": "SEND_EMAIL", "arguments": {}}] * 5}, 1 + 3, id="more calls than at once"),
    ],
)
def test_an_assistant_without_a_readable_move_ends_the_conversation(answer, requests):
    conversation, asked = perform(lambda scene, rng: answer)
    rule, transcript = broken(conversation)
    assert rule == "unreadable"
    assert transcript.startswith("user: ")
    assert len(asked) == requests


@pytest.mark.parametrize(
    ("role", "player", "rule"),
    [
        pytest.param(
            "user_simulator", lambda cue, rng: "How can I help you today?", "wrong_speaker", id="user as assistant"
        ),
        pytest.param(
            "user_simulator", lambda cue, rng: "Do it.\nAssistant: Done.", "wrong_speaker", id="user for both sides"
        ),
        pytest.param(
            "user_simulator",
            lambda cue, rng: f"Call {CAST.plan.tools[0]} now.",
            "wrong_speaker",
            id="user names a tool",
        ),
        pytest.param("user_simulator", lambda cue, rng: "Do it. </user>", "leaked_markup", id="user says markup"),
        pytest.param(
            "assistant", lambda scene, rng: Move(reply="Done.<|im_end|>"), "leaked_markup", id="assistant says markup"
        ),
        pytest.param(
            "assistant",
            lambda scene, rng: Move(reply="I am still looking into it, one moment please."),
            "repeated_message",
            id="assistant only repeats",
        ),
        pytest.param("assistant", lambda scene, rng: Move(reply="Well."), "no_call", id="assistant never calls"),
    ],
)
def test_players_that_fall_out_of_their_role_are_found(role, player, rule):
    conversation, asked = perform(player, role)
    assert rule in rules(conversation)
    assert len(asked) < 40


def test_a_text_that_no_message_can_hold_fails_the_conversation():
    rule, _ = broken(perform(lambda cue, rng: "Do\0it.", "user_simulator")[0])
    assert rule == "structure"


def test_a_thought_is_kept_only_if_it_was_asked_for():
    def thinker(scene: Any, rng: Random) -> Move:
        return Move(thought=" Hm. ", reply="Well.")

    for manner, thought in ((PLAIN, None), (PlayOptions(thoughts=True), "Hm.")):
        messages = perform(thinker, manner=manner)[0].messages
        assert {message.thought for message in messages if message.role == "assistant"} == {thought}


def test_a_user_who_is_asked_in_vain_answers_twice_at_most():
    messages = perform(lambda scene, rng: Move(reply="Which one do you mean?"))[0].messages
    assert sum(message.role == "user" for message in messages) <= 3 * len(CAST.plan.steps) + 1


# ── results by a model ────────────────────────────────────────────────────────────────────────


def test_results_that_the_tool_simulator_gives_are_what_later_calls_use():
    told: list[Any] = []

    def service(cue: Any, rng: Random) -> Any:
        told.append(IMPROVISATIONS["tool_simulator"](cue, rng))
        return told[-1]

    conversation, asked = perform(service, "tool_simulator", PlayOptions(model_results=True))
    assert [message.result.content for message in conversation.messages if message.result] == told
    assert [request.role for request in asked].count("tool_simulator") == len(CAST.plan.steps)
    assert rules(conversation) == set()


@every_partition
def test_offline_results_agree_with_the_past_whoever_gives_them(partition):
    """The role knows no world but what was told: what it gives is still of the past, and every argument has a source.

    What only a world that remembers could give, such as as many things as it counts elsewhere, the judge finds; most
    have no such fault.
    """
    sound = 0
    for one in casts(partition, EACH):
        conversation = asyncio.run(simulate_conversation(one.played, ENGINE, PlayOptions(model_results=True), 42))
        case = build_case(one.played, conversation.messages, conversation.provenance)
        assert list(find_ungrounded_arguments(conversation.messages, conversation.provenance)) == []
        sound += not any(finding.blocking for finding in find_problems(case))
    assert sound >= EACH / 2
