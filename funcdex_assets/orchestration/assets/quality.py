"""From conversations to the accepted and rejected ones, and to training examples."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from funcdex_assets.checks.provenance import trace_steps
from funcdex_assets.checks.user_behaviour import USER_FAULTS
from funcdex_assets.contracts import stage_tables
from funcdex_assets.dialogue.participants import read_participants
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.judging import committee
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.judging.turn_verdicts import shift_verdicts
from funcdex_assets.orchestration.asking import run_metered
from funcdex_assets.orchestration.preview_metadata import show_counts, show_scores, show_table
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.dataset import ParsedConversation
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.plan import SystemPrompt
from funcdex_assets.records.scenario import DeduplicatedScenario
from funcdex_assets.records.verdict import SCALES, ScoredConversation, SelectedConversation
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame
from funcdex_assets.strategies.scoring import score_conversations


@stage(group="quality", kinds={"polars"}, table=stage_tables.SCORED_CONVERSATIONS, code_version="4", pool="inference")
def scored_conversations(
    partition: str,
    conversations: pl.DataFrame,
    system_prompts: pl.DataFrame,  # noqa: ARG001  (scores belong to conversations that are complete)
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """The findings of the rules and the judge's scores (1 to 5) with reasoning, for each conversation and each turn.

    A conversation that failed has its failure as its only finding, and no scores.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    played = from_frame(conversations, Conversation)
    judged = sum(conversation.failure is None for conversation in played)
    scored, usage = run_metered(
        engine,
        lambda meter, advanced: score_conversations(played, cast, meter, settings, advanced),
        "scored_conversations",
        partition,
        judged,
    )
    marks = {
        scale: [mark for conversation in scored if (mark := getattr(conversation, scale)) is not None]
        for scale in SCALES
    }
    turns = [turn for conversation in scored for turn in conversation.turns]
    spreads = [conversation.disagreement for conversation in scored if conversation.disagreement is not None]
    users = [
        [finding.rule for finding in conversation.findings if finding.rule in USER_FAULTS] for conversation in scored
    ]
    return Produced(
        to_frame(scored, ScoredConversation),
        {
            **usage,
            **{f"mean_{scale}": round(sum(scores) / max(1, len(scores)), 3) for scale, scores in marks.items()},
            "findings": dict(Counter(finding.rule for conversation in scored for finding in conversation.findings)),
            "unscored": len(scored) - judged,
            "committee": len(settings.judging.members),
            **_show_committee(scored),
            "mean_disagreement": round(sum(spreads) / max(1, len(spreads)), 3),
            "disagreements": dict(sorted(Counter(map(str, spreads)).items())),
            "bad_turns": sum(not turn.ok for turn in turns),
            "turns": len(turns),
            "user_failure_rate": round(sum(map(bool, users)) / max(1, judged), 4),
            "user_failures": dict(Counter(rule for rules in users for rule in rules)),
            "scores": show_scores(marks, f"Scores, {partition}"),
        },
    )


def _show_committee(scored: Sequence[ScoredConversation]) -> dict[str, Any]:
    """Tables of a committee's mean scores by judge, and of the differences between every two judges."""
    names = committee.list_judges(scored)
    if not names:
        return {}
    verdicts_by_judge = {name: committee.select_verdicts(name, scored) for name in names}
    means = {
        name: [committee.collect_scores(verdicts, scale) for scale in SCALES]
        for name, verdicts in verdicts_by_judge.items()
    }
    return {
        "judges": show_table(
            ("judge", *SCALES, "without a verdict"),
            [
                (
                    name,
                    *(_compute_mean(marks) for marks in means[name]),
                    sum(verdict.failure is not None for verdict in verdicts),
                )
                for name, verdicts in verdicts_by_judge.items()
            ],
        ),
        "pairs_of_judges": show_table(
            ("judges", "scale", "mean difference", "equal scores", "rank correlation"),
            [
                (
                    " / ".join(pair.judges),
                    pair.scale,
                    round(pair.mean_difference, 3),
                    f"{pair.equal_scores} of {pair.conversations}",
                    "–" if pair.rank_correlation is None else round(pair.rank_correlation, 3),
                )
                for pair in committee.compare_judges(scored)
            ],
        ),
    }


def _compute_mean(marks: Sequence[int]) -> object:
    return round(sum(marks) / len(marks), 3) if marks else "–"


@stage(group="quality", kinds={"polars"}, table=stage_tables.ACCEPTED_CONVERSATIONS, code_version="2")
def accepted_conversations(
    conversations: pl.DataFrame, scored_conversations: pl.DataFrame, settings: Settings
) -> Produced:
    """The conversations without a blocking finding and with a sufficient score of tool use, as text in the markup."""
    selected = [
        conversation
        for conversation in _select_conversations(conversations, scored_conversations, settings)
        if not conversation.reasons
    ]
    return Produced(
        to_frame(selected, SelectedConversation),
        {"yield": round(len(selected) / max(1, scored_conversations.height), 4)},
    )


@stage(group="quality", kinds={"polars"}, table=stage_tables.REJECTED_CONVERSATIONS, code_version="3")
def rejected_conversations(
    partition: str, conversations: pl.DataFrame, scored_conversations: pl.DataFrame, settings: Settings
) -> Produced:
    """The conversations that were not accepted, each with the reasons."""
    selected = [
        conversation
        for conversation in _select_conversations(conversations, scored_conversations, settings)
        if conversation.reasons
    ]
    rules = Counter(reason.split(":")[0] for conversation in selected for reason in conversation.reasons)
    plot = {"reasons_plot": show_counts(rules, f"Reasons for rejection, {partition}", "conversations")} if rules else {}
    return Produced(to_frame(selected, SelectedConversation), {"reasons": dict(rules), **plot})


def _select_conversations(
    conversations: pl.DataFrame, scored: pl.DataFrame, settings: Settings
) -> list[SelectedConversation]:
    conversation_by_id = index_by(from_frame(conversations, Conversation), "conversation_id")
    return [
        SelectedConversation(
            conversation_id=conversation.conversation_id,
            reasons=find_reasons_against(conversation, settings.generation.min_tool_use_quality),
            tool_use_quality=conversation.tool_use_quality,
            dml=_find_conversation_text(conversation_by_id[conversation.conversation_id]),
            turns=conversation.turns,
        )
        for conversation in from_frame(scored, ScoredConversation)
    ]


def _find_conversation_text(conversation: Conversation) -> str:
    """Returns the conversation's markup; for one that failed, its last text as it was written."""
    if conversation.failure is None:
        return render_conversation(conversation.messages)
    return conversation.attempts[-1].text if conversation.attempts else ""


@stage(group="quality", kinds={"polars"}, table=stage_tables.PARSED_CONVERSATIONS, code_version="2")
def parsed_conversations(
    partition: str,
    accepted_conversations: pl.DataFrame,
    conversations: pl.DataFrame,
    system_prompts: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    personas: pl.DataFrame,
    tool_definitions: pl.DataFrame,
) -> Produced:
    """The accepted conversations, parsed into OpenAI messages, with the tools that were on offer."""
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    conversation_by_id = index_by(from_frame(conversations, Conversation), "conversation_id")
    scenarios = index_by(from_frame(deduplicated_scenarios, DeduplicatedScenario), "scenario_id")
    prompts = index_by(from_frame(system_prompts, SystemPrompt), "conversation_id")
    parsed: list[ParsedConversation] = []
    for accepted in from_frame(accepted_conversations, SelectedConversation):
        conversation = conversation_by_id[accepted.conversation_id]
        participants = cast[conversation.plan_id]
        plan = participants.plan
        scenario = scenarios[plan.scenario_id]
        messages = parse_conversation(accepted.dml)
        written = to_openai_messages(messages, prompts[accepted.conversation_id].system_prompt)
        parsed.append(
            ParsedConversation(
                conversation_id=accepted.conversation_id,
                partition=partition,
                messages=written,
                tools=to_openai_tools(list(participants.tools.values())),
                scenario_id=plan.scenario_id,
                cluster_id=scenario.cluster_id,
                chain_id=plan.chain_id,
                kind=plan.kind,
                held_out=scenario.held_out,
                clarity=plan.clarity,
                calls=sum(len(message.tool_calls) for message in messages),
                user_turns=sum(message.role == "user" for message in messages),
                turn_verdicts=shift_verdicts(accepted.turns, len(written) - len(messages)),
                step_trace=trace_steps(messages, conversation.provenance, len(written) - len(messages)),
                certificate=build_certificate(
                    conversation, participants.situation, participants.mentioned_tools, list(participants.tools)
                ),
            )
        )
    count = max(1, len(parsed))
    return Produced(
        to_frame(parsed, ParsedConversation),
        {
            "calls_per_conversation": round(sum(conversation.calls for conversation in parsed) / count, 2),
            "user_turns_per_conversation": round(sum(conversation.user_turns for conversation in parsed) / count, 2),
            "held_out": sum(conversation.held_out for conversation in parsed),
        },
    )
