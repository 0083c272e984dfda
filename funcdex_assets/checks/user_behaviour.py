"""Findings about the user simulator: values it invents, steps it never asks for, speech that leaves its persona.

Unlike the rules in `findings.py` these need the plan, which says what the user knows and wants: they judge who played
the user, not the conversation. None of them blocks; how many users failed is a figure of every run.
"""

from collections.abc import Iterator
from typing import Any

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.rules.claims import Support, find_claims
from funcdex_assets.checks.rules.speech import wrong_speaker
from funcdex_assets.language.spoken_values import find_first_form, find_spoken_value
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.plan import ConversationPlan, PlannedStep

USER_FAULTS = ("user_invents", "user_stops_early", "user_leaves_persona")
_FACTS = ("email", "link", "id", "quote", "number")


def find_user_faults(case: Case, plan: ConversationPlan) -> tuple[Finding, ...]:
    """Returns the faults of the user simulator, in the order of `USER_FAULTS`."""
    return (*_find_invented_values(case, plan), *_find_unasked_steps(case, plan), *_find_persona_breaks(case))


def _find_invented_values(case: Case, plan: ConversationPlan) -> Iterator[Finding]:
    """Finds values stated by the user that are in neither the plan, the persona, the scenario nor the conversation so
    far.

    Numbers of up to two digits are left alone: people say "two of them".
    """
    support = _collect_user_knowledge(case, plan)
    tool_support: Support | None = None
    for index, message in enumerate(case.messages):
        if message.role == "user":
            for claim in find_claims(case.speech[index]):
                is_small_number = claim.kind == "number" and len(claim.text) < 3
                if claim.kind not in _FACTS or is_small_number or support.supports_claim(claim):
                    continue
                tool_support = tool_support or _collect_tool_descriptions(case)
                if not tool_support.supports_claim(claim):
                    yield Finding(
                        rule="user_invents",
                        blocking=False,
                        message=index,
                        text=f"The user states {claim.text[:80]!r}, which the plan does not have",
                    )
        elif message.result is not None:
            support.add_value(message.result.content, case.result_values[index])
        elif message.content:
            support.add_text(message.content)


def _collect_user_knowledge(case: Case, plan: ConversationPlan) -> Support:
    """Collects the values a user may state from the start: those of persona, scenario and planned steps."""
    situation = case.situation
    support = Support(situation.now)
    support.add_record(situation.persona)
    support.add_record(situation.scenario)
    wanted_steps = [turn.wanted for turn in plan.turns if turn.wanted is not None]
    arguments = [argument for step in (*plan.steps, *wanted_steps) for argument in step.arguments]
    support.add_text("\n".join([argument.surface for argument in arguments]))
    support.add_value({"values": [{argument.argument: argument.value} for argument in arguments]})
    return support


def _collect_tool_descriptions(case: Case) -> Support:
    """Collects the values in the names and descriptions of the tools."""
    support = Support(case.situation.now)
    for tool in case.tools.values():
        support.add_text(f"{tool.name}\n{tool.description}")
    return support


def _find_unasked_steps(case: Case, plan: ConversationPlan) -> Iterator[Finding]:
    """Finds steps of the plan that the user never asked for: the tool was not called, and no fact was said."""
    user_texts = [case.speech[index] for index, message in enumerate(case.messages) if message.role == "user"]
    user_text = "\n".join(user_texts)
    called_tools = [call.name for message in case.messages for call in message.tool_calls]
    for number, step in enumerate(plan.steps):
        if step.tool in called_tools:
            called_tools.remove(step.tool)
        elif not _is_asked_for(case, step, user_text, len(user_texts)):
            yield Finding(
                rule="user_stops_early",
                blocking=False,
                text=f"The user never asks for step {number}, {step.tool}",
            )


def _is_asked_for(case: Case, step: PlannedStep, user_text: str, turns: int) -> bool:
    """True if the user stated one of the facts of a step; a step without facts counts as asked once its turn was
    reached.
    """
    facts: list[tuple[str, Any]] = [
        (argument.surface, argument.value) for argument in step.arguments if argument.source == "user"
    ]
    if not facts:
        return turns > step.turn
    return any(
        find_first_form(user_text, [surface])
        or find_spoken_value(user_text, "", {}, value, case.situation.now) is not None
        for surface, value in facts
        if surface
    )


def _find_persona_breaks(case: Case) -> Iterator[Finding]:
    """Finds user messages that speak as the assistant, speak for both sides, or name the tools."""
    for finding in wrong_speaker(case):
        if finding.message is not None and case.messages[finding.message].role == "user":
            yield Finding(rule="user_leaves_persona", blocking=False, message=finding.message, text=finding.text)
