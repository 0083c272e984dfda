"""Whether the user simulator kept to its part: the plan says what its user knows and wants.

These are no rules of `findings.py`, for they need the plan: they judge who played the user, not the conversation.
None of them blocks; how many users failed is a figure of every run.
"""

from collections.abc import Iterator
from typing import Any

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.rules.claims import Support, claims
from funcdex_assets.checks.rules.speech import wrong_speaker
from funcdex_assets.language.spoken_values import find_words, says
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.plan import ConversationPlan, PlannedStep

USER_FAULTS = ("user_invents", "user_stops_early", "user_leaves_persona")
_FACTS = ("email", "link", "id", "quote", "number")


def faults_of_user(case: Case, plan: ConversationPlan) -> tuple[Finding, ...]:
    """What the user simulator did wrong, in the order of the kinds."""
    return (*_invented(case, plan), *_stopped_early(case, plan), *_left_persona(case))


def _invented(case: Case, plan: ConversationPlan) -> Iterator[Finding]:
    """A value that neither the plan, the persona and the scenario nor the conversation so far has.

    Numbers of up to two digits are left alone: people say "two of them".
    """
    known = _knowledge(case, plan)
    tools: Support | None = None
    for index, message in enumerate(case.messages):
        if message.role == "user":
            for claim in claims(case.speech[index]):
                small = claim.kind == "number" and len(claim.text) < 3
                if claim.kind not in _FACTS or small or known.has(claim):
                    continue
                tools = tools or _descriptions(case)
                if not tools.has(claim):
                    yield Finding(
                        rule="user_invents",
                        blocking=False,
                        message=index,
                        text=f"The user states {claim.text[:80]!r}, which the plan does not have",
                    )
        elif message.result is not None:
            known.add_value(message.result.content, case.leaves[index])
        elif message.content:
            known.add_text(message.content)


def _knowledge(case: Case, plan: ConversationPlan) -> Support:
    there = case.situation
    known = Support(there.now)
    known.add_record(there.persona)
    known.add_record(there.scenario)
    wanted = [turn.wanted for turn in plan.turns if turn.wanted is not None]
    arguments = [argument for step in (*plan.steps, *wanted) for argument in step.arguments]
    known.add_text("\n".join([argument.surface for argument in arguments]))
    known.add_value({"values": [{argument.argument: argument.value} for argument in arguments]})
    return known


def _descriptions(case: Case) -> Support:
    known = Support(case.situation.now)
    for tool in case.tools.values():
        known.add_text(f"{tool.name}\n{tool.description}")
    return known


def _stopped_early(case: Case, plan: ConversationPlan) -> Iterator[Finding]:
    """A step of the plan that nobody asked for: its tool was not called, and nothing of it was said."""
    users = [case.speech[index] for index, message in enumerate(case.messages) if message.role == "user"]
    said = "\n".join(users)
    called = [call.name for message in case.messages for call in message.tool_calls]
    for number, step in enumerate(plan.steps):
        if step.tool in called:
            called.remove(step.tool)
        elif not _asked(case, step, said, len(users)):
            yield Finding(
                rule="user_stops_early",
                blocking=False,
                text=f"The user never asks for step {number}, {step.tool}",
            )


def _asked(case: Case, step: PlannedStep, said: str, turns: int) -> bool:
    facts: list[tuple[str, Any]] = [
        (argument.surface, argument.value) for argument in step.arguments if argument.source == "user"
    ]
    if not facts:
        return turns > step.turn
    return any(
        find_words(said, [surface]) or says(said, "", {}, value, case.situation.now) is not None
        for surface, value in facts
        if surface
    )


def _left_persona(case: Case) -> Iterator[Finding]:
    """A user who speaks as the assistant, for both sides, or names the tools."""
    for finding in wrong_speaker(case):
        if finding.message is not None and case.messages[finding.message].role == "user":
            yield Finding(rule="user_leaves_persona", blocking=False, message=finding.message, text=finding.text)
