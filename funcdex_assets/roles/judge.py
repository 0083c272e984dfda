"""Scores a finished conversation, 1 to 5 on four scales, reasoning first, and says of each turn whether it is good.

Offline, the scores follow from what the rules found and what can be counted (`quality/heuristic.py`). A verdict
outside the scale is not an answer (`Role.play` asks again). Several judges make a committee.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median_low

import msgspec

from funcdex_assets.dml.render import render
from funcdex_assets.inference.protocol import Sampling
from funcdex_assets.quality.heuristic import judged
from funcdex_assets.records import SCALES, ConversationPlan, Finding, Message, Tool, TurnScore, Verdict
from funcdex_assets.roles.role import Role


@dataclass(frozen=True)
class JudgeBrief:
    plan: ConversationPlan
    messages: Sequence[Message]
    tools: Sequence[Tool]
    findings: tuple[Finding, ...]


def _variables(brief: JudgeBrief) -> dict[str, object]:
    return {
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
        "conversation": render(brief.messages),
        "findings": "\n".join(f"- {finding.rule}: {finding.text}" for finding in brief.findings) or "- none",
        "turns": sum(message.role == "user" for message in brief.messages),
    }


def _improvise(brief: JudgeBrief, rng: Random) -> Verdict:  # noqa: ARG001
    return judged(brief.plan, brief.messages, brief.findings)


ROLE = Role("judge", Verdict, _variables, _improvise, Sampling(temperature=0.0))
_MEMBER = replace(ROLE, sampling=Sampling(temperature=0.7))  # at 0, all members would say the same


def committee_role(members: int) -> Role[JudgeBrief, Verdict]:
    """The role that each of so many judges plays."""
    return ROLE if members == 1 else _MEMBER


def agreed(verdicts: Sequence[Verdict]) -> tuple[Verdict, int]:
    """The verdict of a committee, and its disagreement: the widest spread between members on any scale, 0 to 4.

    Scores are medians, the lower of two. The reasoning is that of the member nearest to them. A turn is good if more
    than half of those who judged it say so.
    """
    medians = {scale: median_low(getattr(one, scale) for one in verdicts) for scale in SCALES}
    nearest = min(verdicts, key=lambda one: sum(abs(getattr(one, scale) - medians[scale]) for scale in SCALES))
    given = ([getattr(one, scale) for one in verdicts] for scale in SCALES)
    spread = max(max(scores) - min(scores) for scores in given)
    return msgspec.structs.replace(nearest, **medians, turns=_turns(verdicts)), spread


def _turns(verdicts: Sequence[Verdict]) -> tuple[TurnScore, ...]:
    said: defaultdict[int, list[TurnScore]] = defaultdict(list)
    for verdict in verdicts:
        for score in verdict.turns:
            said[score.turn].append(score)
    found = []
    for turn, scores in sorted(said.items()):
        middle = median_low(score.score for score in scores)
        ok = 2 * sum(score.ok for score in scores) > len(scores)
        reason = next((score.reason for score in scores if score.ok == ok), "")
        found.append(TurnScore(turn=turn, reason=reason, score=middle, ok=ok))
    return tuple(found)
