"""Gathers what a row says of itself: the scores that it got, and how its conversation was made.

Belongs here: which facts a row has, and where each is from. The columns of the files, with their meaning, are in
`row_columns.py`.

>>> from funcdex_assets.records.conversation import Attempt
>>> written, corrected = (Attempt(kind=kind, text="", findings=()) for kind in ("written", "corrected"))
>>> count_attempts([written, corrected]), count_attempts([])
((2, 1), (1, 0))
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.inference.model_names import hide_places, name_models
from funcdex_assets.records.conversation import Attempt, Conversation, RoleModel
from funcdex_assets.records.labels import RoleName
from funcdex_assets.records.tool import ToolChain
from funcdex_assets.records.verdict import SCALES, ScoredConversation, compute_overall

LONGEST_REASONING = 600
"""Characters of a judge's reasoning that a row has: a paragraph, for a model may write pages."""

REPAIRS = ("repaired", "corrected")
_COPY = re.compile(r" \(\d+\)$")  # the second judge of one model is called `vllm:tiny (2)`


def gather_row_facts(
    conversation: Conversation,
    scored: ScoredConversation,
    chain: ToolChain,
    *,
    has_given_policy: bool,
    judge_engines: Mapping[str, str],
) -> dict[str, Any]:
    """Gathers the fields of a row that say what it is, by the name of the field.

    With `has_given_policy` no model wrote the system prompt. `judge_engines` are the names of the engines of judges
    that have a name of their own.

    Raises:
        ValueError: the conversation has no verdict, and cannot be a row.
    """
    scores = [getattr(scored, scale) for scale in SCALES]
    if scored.judge is None or None in scores:
        raise ValueError(
            f"{conversation.conversation_id} was accepted without a verdict; make scored_conversations again"
        )
    attempts, repairs = count_attempts(conversation.attempts)
    return {
        **dict(zip(SCALES, scores, strict=True)),
        "overall": compute_overall(scores),
        "judge": hide_places(scored.judge),
        "judge_reasoning": _shorten_text(scored.reasoning or ""),
        "seed": conversation.seed,
        "pattern": chain.pattern,
        "toolkits": chain.toolkits,
        "strategy": conversation.strategy,
        "engine": hide_places(conversation.engine),
        "models": _list_asked_models(conversation, scored.judge, has_given_policy, judge_engines),
        "attempts": attempts,
        "repairs": repairs,
    }


def count_attempts(attempts: Sequence[Attempt]) -> tuple[int, int]:
    """Counts the texts that were tried, and those among them that the program mended or a model corrected."""
    return max(1, len(attempts)), sum(attempt.kind in REPAIRS for attempt in attempts)


def _list_asked_models(
    conversation: Conversation, judge: str, has_given_policy: bool, judge_engines: Mapping[str, str]
) -> tuple[RoleModel, ...]:
    """Lists the models of the roles that were asked, in the order of the roles; the judge's from the verdict."""
    asked = _find_asked_roles(conversation, has_given_policy)
    models = [model for model in conversation.models if model.role in asked]
    return (*models, RoleModel(role="judge", model=_name_judges(judge, judge_engines)))


def _find_asked_roles(conversation: Conversation, has_given_policy: bool) -> set[RoleName]:
    """Finds the roles that were asked for the conversation, but the judge."""
    roles: set[RoleName] = {"scenario_writer", "persona_writer", "planner"}
    if not has_given_policy:
        roles.add("system_prompt_writer")
    if conversation.strategy == "one_shot":
        roles.add("conversation_writer")
        if any(attempt.kind == "corrected" for attempt in conversation.attempts):
            roles.add("corrector")
        return roles
    roles |= {"user_simulator", "assistant"}
    if conversation.seal is None and any(
        message.result is not None and not message.result.error for message in conversation.messages
    ):  # errors are the program's, whoever makes the other results
        roles.add("tool_simulator")
    return roles


def _name_judges(judge: str, judge_engines: Mapping[str, str]) -> str:
    """Names the models of the judges of a verdict."""
    return name_models(judge_engines.get(name, _COPY.sub("", name)) for name in judge.split(", "))


def _shorten_text(text: str) -> str:
    """Returns a text on one line, cut between two words if it is too long."""
    flat = " ".join(text.split())
    if len(flat) <= LONGEST_REASONING:
        return flat
    return flat[: LONGEST_REASONING - 1].rpartition(" ")[0] + "…"
