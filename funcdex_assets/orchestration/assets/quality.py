"""From conversations to the accepted and rejected ones, and to training examples."""

from collections import Counter

import polars as pl

from funcdex_assets.checks.provenance import trace_steps
from funcdex_assets.checks.user_behaviour import USER_FAULTS
from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.dialogue.participants import read_participants
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.export.row_facts import gather_row_facts
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.judging.turn_verdicts import shift_verdicts
from funcdex_assets.orchestration.asking import run_metered
from funcdex_assets.orchestration.left_out import keep_sound_rows, report_left_out
from funcdex_assets.orchestration.preview_metadata import show_counts, show_judges, show_scores
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.orchestration.toolkit_terms import load_policy
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.dataset import ParsedConversation
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.plan import SystemPrompt
from funcdex_assets.records.row_failures import make_each, refuse_empty_stage
from funcdex_assets.records.scenario import DeduplicatedScenario
from funcdex_assets.records.tool import ToolChain
from funcdex_assets.records.verdict import SCALES, ScoredConversation, SelectedConversation
from funcdex_assets.reports.stage_counts import measure_ratios
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame
from funcdex_assets.strategies.outcome import UNFORESEEN
from funcdex_assets.strategies.scoring import list_unjudged, score_conversations


@stage(group="quality", kinds={"polars"}, table=stage_tables.SCORED_CONVERSATIONS, code_version="7", pool="inference")
def scored_conversations(
    partition: str,
    conversations: pl.DataFrame,
    system_prompts: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """The findings of the rules and the judge's scores (1 to 5) with reasoning, for each conversation and each turn.

    A conversation that failed, or has no system prompt, has that as its only finding, and no scores; one without a
    verdict has a finding that says why.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    played = from_frame(conversations, Conversation)
    without_prompt = {
        prompt.conversation_id: prompt.failure
        for prompt in from_frame(system_prompts, SystemPrompt)
        if prompt.failure is not None
    }
    judged = sum(conversation.failure is None for conversation in played) - len(without_prompt)
    scored, usage = run_metered(
        engine,
        lambda meter, advanced: score_conversations(played, cast, meter, settings, advanced, without_prompt),
        "scored_conversations",
        partition,
        judged,
    )
    unjudged = list_unjudged(scored)
    refuse_empty_stage("verdicts", judged - len(unjudged), unjudged)
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
            **report_left_out(tables, "scored_conversations", partition, unjudged),
            **measure_ratios(
                **{f"mean_{scale}": (sum(scores), len(scores)) for scale, scores in marks.items()},
                mean_disagreement=(sum(spreads), len(spreads)),
                user_failure_rate=(sum(map(bool, users)), judged),
            ),
            "findings": dict(Counter(finding.rule for conversation in scored for finding in conversation.findings)),
            "unscored": sum(conversation.judge is None for conversation in scored),
            "committee": len(settings.judging.members),
            **show_judges(scored),
            "disagreements": dict(sorted(Counter(map(str, spreads)).items())),
            "bad_turns": sum(not turn.ok for turn in turns),
            "turns": len(turns),
            "user_failures": dict(Counter(rule for rules in users for rule in rules)),
            "scores": show_scores(marks, f"Scores, {partition}"),
        },
    )


@stage(group="quality", kinds={"polars"}, table=stage_tables.ACCEPTED_CONVERSATIONS, code_version="3")
def accepted_conversations(
    conversations: pl.DataFrame, scored_conversations: pl.DataFrame, settings: Settings
) -> Produced:
    """The conversations without a blocking finding and with sufficient scores on all scales, as text in the markup."""
    selected = [
        conversation
        for conversation in _select_conversations(conversations, scored_conversations, settings)
        if not conversation.reasons
    ]
    return Produced(
        to_frame(selected, SelectedConversation),
        measure_ratios(**{"yield": (len(selected), scored_conversations.height)}),
    )


@stage(group="quality", kinds={"polars"}, table=stage_tables.REJECTED_CONVERSATIONS, code_version="4")
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

    def select_conversation(row: ScoredConversation) -> SelectedConversation:
        reasons = find_reasons_against(row, settings.judging.min_scores.model_dump())
        text = _find_conversation_text(conversation_by_id[row.conversation_id])
        if not reasons and render_conversation(parse_conversation(text)) != text:
            reasons = ("markup: the text is not in its canonical form",)
        return _build_selection(row, reasons, text)

    rows = from_frame(scored, ScoredConversation)
    pairs, failures = make_each(rows, select_conversation, lambda row: row.conversation_id, expected=DMLError)
    selected = {row.conversation_id: selection for row, selection in pairs}
    rejected = {
        failure.subject: (f"{UNFORESEEN if failure.is_mistake else 'markup'}: {failure.reason}",)
        for failure in failures
    }
    return [
        selected.get(row.conversation_id) or _build_selection(row, rejected[row.conversation_id], "") for row in rows
    ]


def _build_selection(row: ScoredConversation, reasons: tuple[str, ...], text: str) -> SelectedConversation:
    return SelectedConversation(
        conversation_id=row.conversation_id,
        reasons=reasons,
        tool_use_quality=row.tool_use_quality,
        dml=text,
        turns=row.turns,
    )


def _find_conversation_text(conversation: Conversation) -> str:
    """Returns the conversation's markup; for one that failed, its last text as it was written."""
    if conversation.failure is None:
        return render_conversation(conversation.messages)
    return conversation.attempts[-1].text if conversation.attempts else ""


@stage(group="quality", kinds={"polars"}, table=stage_tables.PARSED_CONVERSATIONS, code_version="3")
def parsed_conversations(
    partition: str,
    accepted_conversations: pl.DataFrame,
    scored_conversations: pl.DataFrame,
    conversations: pl.DataFrame,
    system_prompts: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    personas: pl.DataFrame,
    tool_chains: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    tables: TrustedTables,
) -> Produced:
    """The accepted conversations as OpenAI messages, with the tools on offer, the scores, and how each was made.

    One that cannot be made an example of is left out, with its reason.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    conversation_by_id = index_by(from_frame(conversations, Conversation), "conversation_id")
    scenarios = index_by(from_frame(deduplicated_scenarios, DeduplicatedScenario), "scenario_id")
    prompts = index_by(from_frame(system_prompts, SystemPrompt), "conversation_id")
    chains = index_by(from_frame(tool_chains, ToolChain), "chain_id")
    verdicts = index_by(from_frame(scored_conversations, ScoredConversation), "conversation_id")
    has_given_policy = bool(load_policy(settings, partition))
    judge_engines = settings.name_judge_engines()

    def parse_accepted(accepted: SelectedConversation) -> ParsedConversation:
        conversation = conversation_by_id[accepted.conversation_id]
        participants = cast[conversation.plan_id]
        plan = participants.plan
        scenario = scenarios[plan.scenario_id]
        messages = parse_conversation(accepted.dml)
        written = to_openai_messages(messages, prompts[accepted.conversation_id].system_prompt)
        return ParsedConversation(
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
            **gather_row_facts(
                conversation,
                verdicts[accepted.conversation_id],
                chains[plan.chain_id],
                has_given_policy=has_given_policy,
                judge_engines=judge_engines,
            ),
        )

    parsed, unparsed = make_each(
        from_frame(accepted_conversations, SelectedConversation), parse_accepted, lambda row: row.conversation_id
    )
    frame, left_out = keep_sound_rows(
        tables,
        stage_tables.PARSED_CONVERSATIONS,
        partition,
        [row for _, row in parsed],
        ParsedConversation,
        unparsed,
        {"accepted_conversations": accepted_conversations},
    )
    return Produced(
        frame,
        {
            **left_out,
            **measure_ratios(
                calls_per_conversation=(int(frame["calls"].sum()), frame.height),
                user_turns_per_conversation=(int(frame["user_turns"].sum()), frame.height),
            ),
            "held_out": frame["held_out"].sum(),
        },
    )
