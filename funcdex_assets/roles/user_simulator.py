"""Speaks for the user: asks, answers the assistant's questions, and takes leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from funcdex_assets.catalog.names import parse_tool_name
from funcdex_assets.language import phrases
from funcdex_assets.language.lexicon import fill, moves
from funcdex_assets.language.values import sentence, worded
from funcdex_assets.records import PlannedStep
from funcdex_assets.roles.role import Role
from funcdex_assets.simulation.scene import Scene

Purpose = Literal["request", "answer", "thanks"]

# First words of asks that are neither a question nor an imperative, so that no "could you" fits before them.
_STATEMENTS = frozenset(
    ("the we we've we'd i i'd i'll i've i'm my our there there's that this these it it's its somebody someone").split()
)


@dataclass(frozen=True)
class UserCue:
    scene: Scene
    purpose: Purpose


def _variables(cue: UserCue) -> dict[str, object]:
    scene, persona = cue.scene, cue.scene.situation.persona
    facts = [
        f"- {phrases.argument_words(argument.argument)}: {argument.surface}"
        for step in scene.pending()
        for argument in step.arguments
        if argument.source == "user" and (cue.purpose == "answer" or not argument.withheld)
    ]
    tasks = {
        "request": "Ask for the next thing: "
        + "; then ".join(scene.tools[step.tool].description for step in scene.pending()),
        "answer": "Answer the assistant's last question.",
        "thanks": "Everything is done. Close the conversation in one sentence.",
    }
    return {
        "name": persona.name,
        "context": persona.context,
        "register": persona.register,
        "disposition": scene.plan.disposition,
        "scenario": scene.situation.scenario.text,
        "transcript": scene.transcript(),
        "task": tasks[cue.purpose],
        "facts": "\n".join(facts) or "- (none)",
    }


def _improvise(cue: UserCue, rng: Random) -> str:
    scene = cue.scene
    register = scene.situation.persona.register
    if cue.purpose == "thanks":
        return worded(rng.choice(moves("thanks", register)), scene.situation, rng)
    if cue.purpose == "answer":
        return _answer(scene, rng)
    first = scene.turn == 0
    request = _request(scene, first, rng)
    if not first:
        return request
    parts = [worded(rng.choice(moves("openers", register)), scene.situation, rng)]
    if rng.random() < (0.75 if parts[0] and scene.situation.matter not in parts[0] else 0.4):
        parts.append(worded(rng.choice(moves("contexts", register)), scene.situation, rng))
    return " ".join(sentence(part) for part in (*parts, request) if part)


def _answer(scene: Scene, rng: Random) -> str:
    lead = rng.choice(moves("answers", scene.situation.persona.register))
    facts = scene.unsaid()
    if not facts:  # the question was needless
        return "You have everything I know; please go ahead with it."
    if len(facts) == 1:
        return f"{lead} {_cased(lead, phrases.quote(facts[0]))}".strip() + _stop(facts[0].surface)
    told = []
    for fact in facts:
        words = phrases.argument_words(fact.argument)
        told.append(
            fill(
                rng.choice(("{w}: {x}", "the {w} is {x}", "{x} for the {w}", "{w} {x}")),
                {"w": words, "x": phrases.quote(fact)},
            )
        )
    listed = f"{', '.join(told[:-1])}{',' if len(told) > 2 else ''} and {told[-1]}"
    return f"{lead} {_cased(lead, listed)}.".strip()


def _request(scene: Scene, first: bool, rng: Random) -> str:
    """What the user asks for in this turn, all steps of it, with the facts that are not withheld."""
    register = scene.situation.persona.register
    lead = rng.choice(moves("request_leads" if first else "followups", register))
    asks: list[str] = []
    rest: list[str] = []
    for step in scene.pending():
        told = [argument for argument in step.arguments if argument.source == "user" and not argument.withheld]
        text, more = phrases.ask(step, scene.tools[step.tool], told, _references(scene, step, rng), rng)
        asks.append(text)
        rest += more
    request = _joined(lead, asks, rng)
    return " ".join([request, *rest])


def _references(scene: Scene, step: PlannedStep, rng: Random) -> dict[str, str]:
    found: dict[str, str] = {}
    for argument in step.arguments:
        if argument.source != "result" or argument.step is None:
            continue
        source = scene.plan.steps[argument.step]
        fresh = source.turn == scene.turn
        found[argument.argument] = phrases.reference(argument, parse_tool_name(source.tool).noun, fresh, rng)
    return found


def _joined(lead: str, asks: Sequence[str], rng: Random) -> str:
    """`Could you` + two asks → `Could you open the thread, then reply to Maria?`."""
    sentences: list[str] = []
    imperative: list[str] = []
    for text in asks:
        if text.endswith("?") or text.split(" ", 1)[0].lower() in _STATEMENTS:
            if imperative:
                sentences.append(_imperative(lead if not sentences else "", imperative, rng))
                imperative = []
            elif not sentences and lead and not lead.endswith("?") and lead[-1] in ".!":
                sentences.append(lead)
            sentences.append(sentence(text) + ("" if text.endswith("?") else _stop(text)))
        else:
            imperative.append(text)
    if imperative:
        sentences.append(
            _imperative(lead if not sentences else rng.choice(("Then", "After that,", "")), imperative, rng)
        )
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
