"""Plays the user: asks for things, answers the assistant's questions, makes failures good, and takes leave.

Belongs here: what the user says in each kind of turn. The forms of words are in `language/`, the facts in the plan.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import msgspec

from funcdex_assets.dialogue.dialogue_state import Scene, begins_another_goal, is_from_an_earlier_goal
from funcdex_assets.language import request_phrases, result_reports
from funcdex_assets.language.lexicon import fill, moves, turn_moves, unsaid
from funcdex_assets.language.spoken_values import find_words
from funcdex_assets.language.values import sentence, worded
from funcdex_assets.records.labels import TurnKind
from funcdex_assets.records.openai_messages import openai_tools
from funcdex_assets.records.plan import PlannedStep
from funcdex_assets.records.seeds import generator
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles.role import Role
from funcdex_assets.semantics.tool_names import parse_tool_name

Purpose = TurnKind | Literal["answer"]

_SLOT = re.compile(r"\{\w+\}")
_REWORDINGS = 4  # of a request in words that were used before


@dataclass(frozen=True)
class UserCue:
    """An occasion for the user to speak: the dialogue state, and the kind of turn or "answer" to a question."""

    scene: Scene
    purpose: Purpose


def _variables(cue: UserCue) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    state, persona = cue.scene, cue.scene.situation.persona
    steps = [state.now.wanted] if state.now.wanted else state.pending()
    facts = [
        f"- {request_phrases.argument_words(argument.argument)}: {argument.surface}"
        for step in _asked_once(steps)
        for argument in step.arguments
        if argument.source == "user" and (cue.purpose == "answer" or not argument.withheld)
    ]
    return {
        "name": persona.name,
        "context": persona.context,
        "register": persona.register,
        "disposition": state.plan.disposition,
        "scenario": state.situation.scenario.text,
        "transcript": state.transcript(),
        "task": _task(cue, steps),
        "facts": "\n".join(facts) or "- (none)",
    }


def _task(cue: UserCue, steps: Sequence[PlannedStep]) -> str:
    """Returns the instruction for a model: what the user does in this turn."""
    state = cue.scene
    wishes = "; then ".join(
        state.tools[step.tool].description
        + (" (of what the beginning of the conversation was about: say so)" if _distant(state, step) else "")
        for step in _asked_once(steps)
    )
    match cue.purpose:
        case "answer":
            return "Answer the assistant's last question."
        case "thanks":
            return "Everything is done. Close the conversation in one sentence."
        case "remedy":
            return (
                f"The last attempt failed. Make it good with the facts below, or say that it works now. Then: {wishes}"
            )
        case "dropped" | "thanks":  # nothing came of it
            return "The last attempt failed. Say that you leave it at that."
        case "correction":
            return f"You said something else than you meant. Correct yourself with the facts below: {wishes}"
        case "recall":
            about = state.plan.steps[state.now.step].tool if state.now.step is not None else ""
            which = f"the result of {about}" if about else "an earlier result"
            return f"Ask again for one detail that {which} told, which the assistant can answer from memory."
        case "small_talk":
            return "Say or ask something in passing that has to do with work and that needs no tool."
        case "unlocked":
            return (
                "Say that the missing function has just been switched on and that its definition follows; have it done."
            )
    if begins_another_goal(state.plan, state.turn):
        return f"Turn to something else, in so many words, and ask for this: {wishes}"
    return f"Ask for the next thing: {wishes}"


# ── improvising ───────────────────────────────────────────────────────────────────────────────


def _improvise(cue: UserCue, rng: Random) -> str:
    """Composes what the user says in this turn."""
    state = cue.scene
    register = state.situation.persona.register
    match cue.purpose:
        case "thanks" if state.plan.steps:
            return worded(rng.choice(moves("thanks", register)), state.situation, rng)
        case "answer":
            return _answer(state, rng)
        case "remedy" | "correction":
            return _remedy(state, cue.purpose, rng)
        case "dropped" | "thanks":  # nothing came of it
            return rng.choice(turn_moves("dropped", register))
        case "recall":
            if memory := remembered(state):
                return _recall(state, memory, rng)
            return worded(small_talk(state)["user"][register], state.situation, rng)
        case "small_talk":
            return worded(small_talk(state)["user"][register], state.situation, rng)
        case "unlocked":
            return "\n".join(rng.choice(turn_moves(kind, register)) for kind in ("unlocked", "unlocked_go"))
    is_first_turn = state.turn == 0
    steps = [state.now.wanted] if state.now.wanted else state.pending()
    begins_goal = begins_another_goal(state.plan, state.turn)
    request = _request(state, steps, is_first_turn or begins_goal, rng)
    for _ in range(_REWORDINGS):
        if request not in state.said:
            break
        request = _request(state, steps, is_first_turn or begins_goal, rng)
    if begins_goal:
        return f"{rng.choice(unsaid(turn_moves('another_goal', register), state.said))} {sentence(request)}"
    if not is_first_turn:
        return request
    openings = [worded(rng.choice(moves("openers", register)), state.situation, rng)]
    if rng.random() < (0.75 if openings[0] and state.situation.matter not in openings[0] else 0.4):
        openings.append(worded(rng.choice(moves("contexts", register)), state.situation, rng))
    withheld = [argument.surface for step in steps for argument in step.arguments if argument.withheld]
    openings = [text for text in openings if text and not any(find_words(text, [surface]) for surface in withheld)]
    return " ".join(sentence(text) for text in (*openings, request))


def _answer(scene: Scene, rng: Random) -> str:
    """Composes the answer to the assistant's question: every fact of the pending steps that is not said yet."""
    lead = rng.choice(moves("answers", scene.situation.persona.register))
    facts = scene.unsaid()
    if not facts:  # the question was needless
        return "You have everything I know; please go ahead with it."
    if len(facts) == 1:
        return f"{lead} {_cased(lead, request_phrases.quote(facts[0]))}".strip() + _stop(facts[0].surface)
    stated_facts = []
    for fact in facts:
        words = request_phrases.argument_words(fact.argument)
        stated_facts.append(
            fill(
                rng.choice(("{w}: {x}", "the {w} is {x}", "{x} for the {w}", "{w} {x}")),
                {"w": words, "x": request_phrases.quote(fact)},
            )
        )
    listed = f"{', '.join(stated_facts[:-1])}{',' if len(stated_facts) > 2 else ''} and {stated_facts[-1]}"
    return f"{lead} {_cased(lead, listed)}.".strip()


def with_definition(text: str, scene: Scene) -> str:
    """Adds the definitions of the pending tools to what the user says, as people paste them."""
    return defining(text, [scene.tools[name] for name in dict.fromkeys(step.tool for step in scene.pending())])


def defining(text: str, tools: Sequence[Tool]) -> str:
    """Inserts the definitions of the tools, one a line, after the first line of the text."""
    first_line, _, further_lines = text.strip().partition("\n")
    definitions = [msgspec.json.encode(definition).decode() for definition in openai_tools(tools)]
    return "\n".join(line for line in (first_line, *definitions, further_lines) if line)


def remembered(scene: Scene) -> result_reports.Memory | None:
    """Returns the detail of an earlier result that the current turn asks for, the same each time; None if no result has
    one worth asking for.
    """
    steps_made = list(zip(scene.plan.steps, scene.results, strict=False))
    preferred = steps_made[scene.now.step : scene.now.step + 1] if scene.now.step is not None else []
    for step, result in [*preferred, *steps_made]:
        if not step.fault:
            noun = parse_tool_name(step.tool).noun
            if details := result_reports.memorable(result, noun, scene.situation.now):
                return generator("recall", scene.plan.plan_id, scene.turn).choice(details)
    return None


def _recall(scene: Scene, memory: result_reports.Memory, rng: Random) -> str:
    """Asks for a detail that an earlier result told, in words that were not used before."""
    register, lead = scene.situation.persona.register, ""
    steps_made, is_sole_memory = len(scene.results), memory.sole
    if steps_made and is_from_an_earlier_goal(scene.plan, scene.now.step, scene.plan.steps[steps_made - 1].goal):
        is_sole_memory = False
        lead = f"{rng.choice(unsaid(turn_moves('back_to_the_beginning', register), scene.said))} "
    forms = [form for form in turn_moves("recall", register) if is_sole_memory or "{thing}" in form]
    unused_forms = [form for form in forms if not _was_used(form, scene.said)]
    return lead + sentence(fill(rng.choice(unused_forms or forms), memory.slots()))


def _was_used(form: str, said: str) -> bool:
    """Says whether all fixed words of a form occur in what was said."""
    return all(words in said or sentence(words) in said for words in _SLOT.split(form))


def small_talk(scene: Scene) -> Mapping[str, Any]:
    """Returns the small talk of the current turn: a remark and its answer; no two of a conversation are the same."""
    rng = generator("small talk", scene.plan.plan_id)
    talk_turns = [
        turn_index for turn_index, turn in enumerate(scene.plan.turns) if turn.kind in ("small_talk", "recall")
    ]
    return rng.sample(turn_moves("small_talk"), len(talk_turns))[talk_turns.index(scene.turn)]


def _remedy(scene: Scene, kind: Literal["remedy", "correction"], rng: Random) -> str:
    """Composes what makes a failed step good (another value, or that it works now), and requests the other steps of the
    turn.
    """
    register = scene.situation.persona.register
    recovery_step, *other_steps = scene.pending()
    failed_step = scene.plan.steps[scene.now.step] if scene.now.step is not None else recovery_step
    failed_values = {argument.argument: argument.value for argument in failed_step.arguments}
    changed_arguments = [
        argument for argument in recovery_step.arguments if failed_values.get(argument.argument) != argument.value
    ]
    if not changed_arguments:
        key = {"expired_auth": "remedy_expired_auth", "permission_denied": "remedy_permission_denied"}
        remedy = rng.choice(turn_moves(key.get(failed_step.fault or "", "remedy_wait"), register))
    else:
        found_nothing = failed_step.fault == "empty_result"
        key = "correction" if kind == "correction" else "remedy_search" if found_nothing else "remedy_value"
        slots = {
            "x": request_phrases.quote(changed_arguments[0]),
            "words": request_phrases.argument_words(changed_arguments[0].argument),
        }
        remedy = sentence(fill(rng.choice(turn_moves(key, register)), slots))
    other_steps = [step for step in other_steps if step.tool != recovery_step.tool or not step.together]
    return f"{remedy} {_request(scene, other_steps, False, rng)}" if other_steps else remedy


def _asked_once(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Returns the steps that the user asks for: without repetitions of a failed step, without calls of an equivalent
    tool that fail first, and of one act on several things only the first.
    """
    requested: list[PlannedStep] = []
    failed_tools: set[str] = set()
    for step in steps:
        if step.another:
            continue
        is_repetition = step.tool in failed_tools and not step.together
        is_same_act = step.together and requested and requested[-1].tool == step.tool and _is_bound(step)
        if step.fault:
            failed_tools.add(step.tool)
        if not is_repetition and not is_same_act:
            requested.append(step)
    return requested


def _is_bound(step: PlannedStep) -> bool:
    """Says whether a step takes an argument from a result."""
    return any(argument.source == "result" for argument in step.arguments)


def _request(scene: Scene, steps: Sequence[PlannedStep], first: bool, rng: Random) -> str:
    """Composes the request for these steps, with the facts that are not withheld."""
    register = scene.situation.persona.register
    lead = rng.choice(unsaid(moves("request_leads" if first else "followups", register), scene.said))
    requests: list[request_phrases.Request] = []
    for step in _asked_once(steps):
        if any(map(request_phrases.is_next_page, step.arguments)):
            requests.append(request_phrases.next_page(scene.said, rng))
            continue
        user_arguments = [
            argument for argument in step.arguments if argument.source == "user" and not argument.withheld
        ]
        simultaneous = [same for same in steps if same.tool == step.tool and same.together and _is_bound(same)]
        count = len(simultaneous) + (0 if step.together else 1)
        references = _references(scene, step, count if simultaneous else 1, rng)
        requests.append(
            request_phrases.ask(
                scene.tools[step.tool],
                user_arguments,
                references,
                rng,
                several=bool(simultaneous),
                distant=_distant(scene, step),
            )
        )
    return _joined(lead, requests, rng)


def _references(scene: Scene, step: PlannedStep, count: int, rng: Random) -> dict[str, str]:
    """Returns words for the arguments that are taken from results, by pointer; for the first `count` things at once if
    there are several.
    """
    reference_by_pointer: dict[str, str] = {}
    step_index = next((index for index, planned in enumerate(scene.plan.steps) if planned is step), len(scene.results))
    for argument in step.arguments:
        if argument.source != "result" or argument.step is None:
            continue
        source = scene.plan.steps[argument.step]
        is_from_this_turn, noun = source.turn == scene.turn, parse_tool_name(source.tool).noun
        is_latest_listing = not any(
            parse_tool_name(later.tool).action == "list" for later in scene.plan.steps[argument.step + 1 : step_index]
        )
        reference = (
            request_phrases.several(argument, noun, count, rng)
            if count > 1
            else request_phrases.reference(argument, noun, is_from_this_turn, rng, is_latest_listing)
        )
        value = None if is_from_this_turn or count > 1 else scene.resolve(argument)
        if isinstance(value, str) and request_phrases.is_sayable(argument, value):
            reference_by_pointer[argument.argument] = request_phrases.quote(
                msgspec.structs.replace(argument, surface=value)
            )
            continue
        is_from_earlier_goal = source.goal < step.goal
        reference_by_pointer[argument.argument] = (
            request_phrases.from_long_ago(reference, noun, rng) if is_from_earlier_goal else reference
        )
    return reference_by_pointer


def _distant(scene: Scene, step: PlannedStep) -> set[str]:
    """Returns the pointers of the arguments that a result of an earlier goal gives."""
    plan = scene.plan
    return {argument.argument for argument in step.arguments if is_from_an_earlier_goal(plan, argument.step, step.goal)}


def _joined(lead: str, asks: Sequence[request_phrases.Request], rng: Random) -> str:
    """Joins requests into sentences: `Could you` + two requests → `Could you open the thread, then reply to Maria?`.

    A sentence that belongs to one request and did not fit into it follows at once, lest it be taken for another's.
    """
    sentences: list[str] = []
    imperatives: list[str] = []

    def end_imperative_sentence() -> None:
        if imperatives:
            group_lead = rng.choice(("Then", "After that,", "")) if sentences else lead
            sentences.append(_imperative(group_lead, imperatives, rng))
            imperatives.clear()

    for request in asks:
        if request.stands_alone:
            end_imperative_sentence()
            if not sentences and lead and lead[-1] in ".!":
                sentences.append(lead)
            text = request.text
            sentences.append(sentence(text) + ("" if text.endswith("?") else _stop(text)))
        else:
            imperatives.append(request.text)
        if request.more:
            end_imperative_sentence()
            sentences += request.more
    end_imperative_sentence()
    return " ".join(sentences)


def _imperative(lead: str, asks: Sequence[str], rng: Random) -> str:
    """Joins requests in the imperative into one sentence after the lead."""
    is_question = lead.endswith("?")
    lead = lead.rstrip("?")
    text = asks[0].removeprefix("please ") if "please" in lead.lower() else asks[0]
    for position, following in enumerate(asks[1:], start=2):
        is_last = position == len(asks)
        text += (
            rng.choice((", then ", " and then ", ", and ")) if is_last else rng.choice((", ", ", then "))
        ) + following
    joined = f"{lead} {_cased(lead, text)}".strip() if lead else sentence(text)
    return joined + ("?" if is_question else _stop(joined))


def _cased(lead: str, text: str) -> str:
    """Capitalises the text if it begins a sentence after the lead."""
    return sentence(text) if not lead or lead[-1] in ".!?" else text


def _stop(text: str) -> str:
    """Returns the full stop that a text still needs; '' if it has an end mark."""
    return "" if text.endswith((".", "!", "?", '."', '!"', '?"')) else "."


ROLE = Role("user_simulator", str, _variables, _improvise)
