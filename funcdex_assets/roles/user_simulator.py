"""Speaks for the user: asks, answers the assistant's questions, and takes leave."""

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
    scene: Scene
    purpose: Purpose


def _variables(cue: UserCue) -> dict[str, object]:
    scene, persona = cue.scene, cue.scene.situation.persona
    steps = [scene.now.wanted] if scene.now.wanted else scene.pending()
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
        "disposition": scene.plan.disposition,
        "scenario": scene.situation.scenario.text,
        "transcript": scene.transcript(),
        "task": _task(cue, steps),
        "facts": "\n".join(facts) or "- (none)",
    }


def _task(cue: UserCue, steps: Sequence[PlannedStep]) -> str:
    """What a model is told to do in this turn."""
    scene = cue.scene
    wanted = "; then ".join(
        scene.tools[step.tool].description
        + (" (of what the beginning of the conversation was about: say so)" if _distant(scene, step) else "")
        for step in _asked_once(steps)
    )
    match cue.purpose:
        case "answer":
            return "Answer the assistant's last question."
        case "thanks":
            return "Everything is done. Close the conversation in one sentence."
        case "remedy":
            return (
                f"The last attempt failed. Make it good with the facts below, or say that it works now. Then: {wanted}"
            )
        case "dropped" | "thanks":  # nothing came of it
            return "The last attempt failed. Say that you leave it at that."
        case "correction":
            return f"You said something else than you meant. Correct yourself with the facts below: {wanted}"
        case "recall":
            about = scene.plan.steps[scene.now.step].tool if scene.now.step is not None else ""
            which = f"the result of {about}" if about else "an earlier result"
            return f"Ask again for one detail that {which} told, which the assistant can answer from memory."
        case "small_talk":
            return "Say or ask something in passing that has to do with work and that needs no tool."
        case "unlocked":
            return (
                "Say that the missing function has just been switched on and that its definition follows; have it done."
            )
    if begins_another_goal(scene.plan, scene.turn):
        return f"Turn to something else, in so many words, and ask for this: {wanted}"
    return f"Ask for the next thing: {wanted}"


# ── improvising ───────────────────────────────────────────────────────────────────────────────


def _improvise(cue: UserCue, rng: Random) -> str:
    scene = cue.scene
    register = scene.situation.persona.register
    match cue.purpose:
        case "thanks" if scene.plan.steps:
            return worded(rng.choice(moves("thanks", register)), scene.situation, rng)
        case "answer":
            return _answer(scene, rng)
        case "remedy" | "correction":
            return _remedy(scene, cue.purpose, rng)
        case "dropped" | "thanks":  # nothing came of it
            return rng.choice(turn_moves("dropped", register))
        case "recall":
            if memory := remembered(scene):
                return _recall(scene, memory, rng)
            return worded(small_talk(scene)["user"][register], scene.situation, rng)
        case "small_talk":
            return worded(small_talk(scene)["user"][register], scene.situation, rng)
        case "unlocked":
            return "\n".join(rng.choice(turn_moves(kind, register)) for kind in ("unlocked", "unlocked_go"))
    first = scene.turn == 0
    steps = [scene.now.wanted] if scene.now.wanted else scene.pending()
    another = begins_another_goal(scene.plan, scene.turn)
    request = _request(scene, steps, first or another, rng)
    for _ in range(_REWORDINGS):
        if request not in scene.said:
            break
        request = _request(scene, steps, first or another, rng)
    if another:
        return f"{rng.choice(unsaid(turn_moves('another_goal', register), scene.said))} {sentence(request)}"
    if not first:
        return request
    parts = [worded(rng.choice(moves("openers", register)), scene.situation, rng)]
    if rng.random() < (0.75 if parts[0] and scene.situation.matter not in parts[0] else 0.4):
        parts.append(worded(rng.choice(moves("contexts", register)), scene.situation, rng))
    withheld = [argument.surface for step in steps for argument in step.arguments if argument.withheld]
    parts = [part for part in parts if part and not any(find_words(part, [surface]) for surface in withheld)]
    return " ".join(sentence(part) for part in (*parts, request))


def _answer(scene: Scene, rng: Random) -> str:
    lead = rng.choice(moves("answers", scene.situation.persona.register))
    facts = scene.unsaid()
    if not facts:  # the question was needless
        return "You have everything I know; please go ahead with it."
    if len(facts) == 1:
        return f"{lead} {_cased(lead, request_phrases.quote(facts[0]))}".strip() + _stop(facts[0].surface)
    told = []
    for fact in facts:
        words = request_phrases.argument_words(fact.argument)
        told.append(
            fill(
                rng.choice(("{w}: {x}", "the {w} is {x}", "{x} for the {w}", "{w} {x}")),
                {"w": words, "x": request_phrases.quote(fact)},
            )
        )
    listed = f"{', '.join(told[:-1])}{',' if len(told) > 2 else ''} and {told[-1]}"
    return f"{lead} {_cased(lead, listed)}.".strip()


def with_definition(text: str, scene: Scene) -> str:
    """What the user says, with the definition of the tool that is brought, as people paste it."""
    return defining(text, [scene.tools[name] for name in dict.fromkeys(step.tool for step in scene.pending())])


def defining(text: str, tools: Sequence[Tool]) -> str:
    """The definitions, one a line, after the first line of the text."""
    first, _, rest = text.strip().partition("\n")
    definitions = [msgspec.json.encode(definition).decode() for definition in openai_tools(tools)]
    return "\n".join(part for part in (first, *definitions, rest) if part)


def remembered(scene: Scene) -> result_reports.Memory | None:
    """The detail of an earlier result that the current turn asks for; the same for whoever looks."""
    made = list(zip(scene.plan.steps, scene.results, strict=False))
    first = made[scene.now.step : scene.now.step + 1] if scene.now.step is not None else []
    for step, result in [*first, *made]:
        if not step.fault:
            noun = parse_tool_name(step.tool).noun
            if found := result_reports.memorable(result, noun, scene.situation.now):
                return generator("recall", scene.plan.plan_id, scene.turn).choice(found)
    return None


def _recall(scene: Scene, memory: result_reports.Memory, rng: Random) -> str:
    """Asks for what was told, in words that were not used before."""
    register, lead = scene.situation.persona.register, ""
    made, sole = len(scene.results), memory.sole
    if made and is_from_an_earlier_goal(scene.plan, scene.now.step, scene.plan.steps[made - 1].goal):
        sole = False
        lead = f"{rng.choice(unsaid(turn_moves('back_to_the_beginning', register), scene.said))} "
    forms = [form for form in turn_moves("recall", register) if sole or "{thing}" in form]
    fresh = [form for form in forms if not _was_used(form, scene.said)]
    return lead + sentence(fill(rng.choice(fresh or forms), memory.slots()))


def _was_used(form: str, said: str) -> bool:
    return all(part in said or sentence(part) in said for part in _SLOT.split(form))


def small_talk(scene: Scene) -> Mapping[str, Any]:
    """The exchange of the current turn; no two of a conversation are the same."""
    rng = generator("small talk", scene.plan.plan_id)
    places = [place for place, turn in enumerate(scene.plan.turns) if turn.kind in ("small_talk", "recall")]
    return rng.sample(turn_moves("small_talk"), len(places))[places.index(scene.turn)]


def _remedy(scene: Scene, kind: Literal["remedy", "correction"], rng: Random) -> str:
    """What makes good what went wrong, and what else was to be done."""
    register = scene.situation.persona.register
    again, *others = scene.pending()
    wrong = scene.plan.steps[scene.now.step] if scene.now.step is not None else again
    known = {argument.argument: argument.value for argument in wrong.arguments}
    changed = [argument for argument in again.arguments if known.get(argument.argument) != argument.value]
    if not changed:
        key = {"expired_auth": "remedy_expired_auth", "permission_denied": "remedy_permission_denied"}
        said = rng.choice(turn_moves(key.get(wrong.fault or "", "remedy_wait"), register))
    else:
        searched = wrong.fault == "empty_result"
        key = "correction" if kind == "correction" else "remedy_search" if searched else "remedy_value"
        slots = {"x": request_phrases.quote(changed[0]), "words": request_phrases.argument_words(changed[0].argument)}
        said = sentence(fill(rng.choice(turn_moves(key, register)), slots))
    others = [step for step in others if step.tool != again.tool or not step.together]
    return f"{said} {_request(scene, others, False, rng)}" if others else said


def _asked_once(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """The steps that are asked for: not those that only try again, nor those that another tool makes good, nor the
    further ones of what is done with several things.
    """
    asked: list[PlannedStep] = []
    failed: set[str] = set()
    for step in steps:
        if step.another:
            continue
        again = step.tool in failed and not step.together
        alike = step.together and asked and asked[-1].tool == step.tool and _is_bound(step)
        if step.fault:
            failed.add(step.tool)
        if not again and not alike:
            asked.append(step)
    return asked


def _is_bound(step: PlannedStep) -> bool:
    return any(argument.source == "result" for argument in step.arguments)


def _request(scene: Scene, steps: Sequence[PlannedStep], first: bool, rng: Random) -> str:
    """What the user asks for, with the facts that are not withheld."""
    register = scene.situation.persona.register
    lead = rng.choice(unsaid(moves("request_leads" if first else "followups", register), scene.said))
    asks: list[request_phrases.Request] = []
    for step in _asked_once(steps):
        if any(map(request_phrases.is_next_page, step.arguments)):
            asks.append(request_phrases.next_page(scene.said, rng))
            continue
        told = [argument for argument in step.arguments if argument.source == "user" and not argument.withheld]
        beside = [one for one in steps if one.tool == step.tool and one.together and _is_bound(one)]
        count = len(beside) + (not step.together)
        references = _references(scene, step, count if beside else 1, rng)
        asks.append(
            request_phrases.ask(
                scene.tools[step.tool], told, references, rng, several=bool(beside), distant=_distant(scene, step)
            )
        )
    return _joined(lead, asks, rng)


def _references(scene: Scene, step: PlannedStep, count: int, rng: Random) -> dict[str, str]:
    """Words for what is taken from results; for the first `count` things at once."""
    found: dict[str, str] = {}
    place = next((place for place, other in enumerate(scene.plan.steps) if other is step), len(scene.results))
    for argument in step.arguments:
        if argument.source != "result" or argument.step is None:
            continue
        source = scene.plan.steps[argument.step]
        fresh, noun = source.turn == scene.turn, parse_tool_name(source.tool).noun
        in_view = not any(
            parse_tool_name(other.tool).action == "list" for other in scene.plan.steps[argument.step + 1 : place]
        )
        said = (
            request_phrases.several(argument, noun, count, rng)
            if count > 1
            else request_phrases.reference(argument, noun, fresh, rng, in_view)
        )
        value = None if fresh or count > 1 else scene.resolve(argument)
        if isinstance(value, str) and request_phrases.is_sayable(argument, value):
            found[argument.argument] = request_phrases.quote(msgspec.structs.replace(argument, surface=value))
            continue
        distant = source.goal < step.goal
        found[argument.argument] = request_phrases.from_long_ago(said, noun, rng) if distant else said
    return found


def _distant(scene: Scene, step: PlannedStep) -> set[str]:
    """The arguments that a result of an earlier goal gave."""
    plan = scene.plan
    return {one.argument for one in step.arguments if is_from_an_earlier_goal(plan, one.step, step.goal)}


def _joined(lead: str, asks: Sequence[request_phrases.Request], rng: Random) -> str:
    """`Could you` + two asks → `Could you open the thread, then reply to Maria?`.

    What belongs to one of them and did not fit into it follows at once, lest it be taken for another's.
    """
    sentences: list[str] = []
    imperative: list[str] = []

    def flush() -> None:
        if imperative:
            before = rng.choice(("Then", "After that,", "")) if sentences else lead
            sentences.append(_imperative(before, imperative, rng))
            imperative.clear()

    for request in asks:
        if request.stands_alone:
            flush()
            if not sentences and lead and lead[-1] in ".!":
                sentences.append(lead)
            text = request.text
            sentences.append(sentence(text) + ("" if text.endswith("?") else _stop(text)))
        else:
            imperative.append(request.text)
        if request.more:
            flush()
            sentences += request.more
    flush()
    return " ".join(sentences)


def _imperative(lead: str, asks: Sequence[str], rng: Random) -> str:
    question = lead.endswith("?")
    lead = lead.rstrip("?")
    text = asks[0].removeprefix("please ") if "please" in lead.lower() else asks[0]
    for position, following in enumerate(asks[1:], start=2):
        last = position == len(asks)
        text += (rng.choice((", then ", " and then ", ", and ")) if last else rng.choice((", ", ", then "))) + following
    joined = f"{lead} {_cased(lead, text)}".strip() if lead else sentence(text)
    return joined + ("?" if question else _stop(joined))


def _cased(lead: str, text: str) -> str:
    return sentence(text) if not lead or lead[-1] in ".!?" else text


def _stop(text: str) -> str:
    return "" if text.endswith((".", "!", "?", '."', '!"', '?"')) else "."


ROLE = Role("user_simulator", str, _variables, _improvise)
