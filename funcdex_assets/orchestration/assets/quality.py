"""From conversations to those that are good enough to train on."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from funcdex_assets.checks.provenance import trace_steps
from funcdex_assets.checks.user_behaviour import USER_FAULTS
from funcdex_assets.contracts import stage_tables
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.judging import committee
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.judging.turn_verdicts import shift_verdicts
from funcdex_assets.orchestration.asking import run_metered
from funcdex_assets.orchestration.frames import read_participants
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
    """What the rules found in each conversation, and the judge's scores, 1 to 5, with the reasoning, also by turn.

    A conversation that failed has its failure as its finding, and no scores.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    held = from_frame(conversations, Conversation)
    judged = sum(one.failure is None for one in held)
    scored, usage = run_metered(
        engine,
        lambda meter, advanced: score_conversations(held, cast, meter, settings, advanced),
        "scored_conversations",
        partition,
        judged,
    )
    marks = {scale: [mark for one in scored if (mark := getattr(one, scale)) is not None] for scale in SCALES}
    turns = [turn for one in scored for turn in one.turns]
    spreads = [one.disagreement for one in scored if one.disagreement is not None]
    users = [[finding.rule for finding in one.findings if finding.rule in USER_FAULTS] for one in scored]
    return Produced(
        to_frame(scored, ScoredConversation),
        {
            **usage,
            **{f"mean_{scale}": round(sum(given) / max(1, len(given)), 3) for scale, given in marks.items()},
            "findings": dict(Counter(finding.rule for one in scored for finding in one.findings)),
            "unscored": len(scored) - judged,
            "committee": len(settings.judging.members),
            **_committee_tables(scored),
            "mean_disagreement": round(sum(spreads) / max(1, len(spreads)), 3),
            "disagreements": dict(sorted(Counter(map(str, spreads)).items())),
            "bad_turns": sum(not turn.ok for turn in turns),
            "turns": len(turns),
            "user_failure_rate": round(sum(map(bool, users)) / max(1, judged), 4),
            "user_failures": dict(Counter(rule for found in users for rule in found)),
            "scores": show_scores(marks, f"Scores, {partition}"),
        },
    )


def _committee_tables(scored: Sequence[ScoredConversation]) -> dict[str, Any]:
    """What each judge of a committee gave, and on what every two of them differ."""
    names = committee.list_judges(scored)
    if not names:
        return {}
    given = {name: committee.select_verdicts(name, scored) for name in names}
    means = {name: [committee.collect_scores(said, scale) for scale in SCALES] for name, said in given.items()}
    return {
        "judges": show_table(
            ("judge", *SCALES, "without a verdict"),
            [
                (name, *(_compute_mean(marks) for marks in means[name]), sum(one.failure is not None for one in said))
                for name, said in given.items()
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
    """The conversations without a blocking finding and with good tool use, as text in the markup."""
    selected = [one for one in _select_conversations(conversations, scored_conversations, settings) if not one.reasons]
    return Produced(
        to_frame(selected, SelectedConversation),
        {"yield": round(len(selected) / max(1, scored_conversations.height), 4)},
    )


@stage(group="quality", kinds={"polars"}, table=stage_tables.REJECTED_CONVERSATIONS, code_version="3")
def rejected_conversations(
    partition: str, conversations: pl.DataFrame, scored_conversations: pl.DataFrame, settings: Settings
) -> Produced:
    """The other conversations, each with the reasons why it was not accepted."""
    selected = [one for one in _select_conversations(conversations, scored_conversations, settings) if one.reasons]
    rules = Counter(reason.split(":")[0] for one in selected for reason in one.reasons)
    plot = {"reasons_plot": show_counts(rules, f"Reasons for rejection, {partition}", "conversations")} if rules else {}
    return Produced(to_frame(selected, SelectedConversation), {"reasons": dict(rules), **plot})


def _select_conversations(
    conversations: pl.DataFrame, scored: pl.DataFrame, settings: Settings
) -> list[SelectedConversation]:
    held = index_by(from_frame(conversations, Conversation), "conversation_id")
    return [
        SelectedConversation(
            conversation_id=one.conversation_id,
            reasons=find_reasons_against(one, settings.generation.min_tool_use_quality),
            tool_use_quality=one.tool_use_quality,
            dml=_format_reasons(held[one.conversation_id]),
            turns=one.turns,
        )
        for one in from_frame(scored, ScoredConversation)
    ]


def _format_reasons(conversation: Conversation) -> str:
    """Its markup; of one that failed, the last text that there was, as it was written."""
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
    """The accepted text, parsed into OpenAI messages, with the tools that were offered."""
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    held = index_by(from_frame(conversations, Conversation), "conversation_id")
    scenarios = index_by(from_frame(deduplicated_scenarios, DeduplicatedScenario), "scenario_id")
    prompts = index_by(from_frame(system_prompts, SystemPrompt), "conversation_id")
    parsed: list[ParsedConversation] = []
    for accepted in from_frame(accepted_conversations, SelectedConversation):
        conversation = held[accepted.conversation_id]
        plan, there, tools = (one := cast[conversation.plan_id]).plan, one.situation, one.tools
        scenario = scenarios[plan.scenario_id]
        messages = parse_conversation(accepted.dml)
        written = to_openai_messages(messages, prompts[accepted.conversation_id].system_prompt)
        parsed.append(
            ParsedConversation(
                conversation_id=accepted.conversation_id,
                partition=partition,
                messages=written,
                tools=to_openai_tools(list(one.tools.values())),
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
                certificate=build_certificate(conversation, there, one.mentioned_tools, list(tools)),
            )
        )
    count = max(1, len(parsed))
    return Produced(
        to_frame(parsed, ParsedConversation),
        {
            "calls_per_conversation": round(sum(one.calls for one in parsed) / count, 2),
            "user_turns_per_conversation": round(sum(one.user_turns for one in parsed) / count, 2),
            "held_out": sum(one.held_out for one in parsed),
        },
    )
