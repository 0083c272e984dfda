"""From plans to conversations, and to the system prompts under which they take place."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.dedup.requests import SaidRequests
from funcdex_assets.dialogue.participants import prepare_participants, read_participants
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.orchestration.asking import ask_each, run_metered
from funcdex_assets.orchestration.feedback import steer_generation
from funcdex_assets.orchestration.left_out import report_left_out
from funcdex_assets.orchestration.preview_metadata import show_conversation, show_counts, show_table
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.orchestration.toolkit_terms import load_policy
from funcdex_assets.records.conversation import Conversation, Finding
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.plan import ConversationPlan, SystemPrompt
from funcdex_assets.records.row_failures import RowFailure, make_each, refuse_empty_stage
from funcdex_assets.reports.stage_counts import count_calls_by_tool, count_sources, measure_ratios
from funcdex_assets.roles import system_prompt_writer
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame
from funcdex_assets.strategies.outcome import UNFORESEEN, build_failed_conversation
from funcdex_assets.strategies.quotas import FilledQuotas, KindTally, fill_quotas
from funcdex_assets.strategies.scoring import find_objections
from funcdex_assets.strategies.strategy import converse_again, converse_all, select_strategy

REPEATED_REQUEST = "repeated_request: the user says, word for word, what another user says"


@stage(group="conversations", kinds={"polars"}, table=stage_tables.CONVERSATIONS, code_version="6", pool="inference")
def conversations(
    partition: str,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """The conversations: messages, tool calls with their results, and the source of each argument.

    Plans are played until there are as many good conversations of each kind as wanted; the other plans stay in reserve.
    A conversation that could not be finished has the reason in `failure`.
    """
    cast, unprepared = prepare_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    plans = index_by(from_frame(conversation_plans, ConversationPlan), "plan_id")
    strategy = select_strategy(settings.generation, settings.native_calls)
    kept_scenarios = deduplicated_scenarios.filter(pl.col("status") == "kept")
    wanted_counts = steer_generation(settings, partition).count_wanted_conversations(set(kept_scenarios["kind"]))

    said = SaidRequests()

    async def find_all_objections(played: Sequence[Conversation], meter: InferenceEngine) -> list[tuple[str, ...]]:
        """The reasons of the rules and the judge, and that one request was made before in the same words."""
        objections = await find_objections(played, cast, meter, settings)
        return [
            (*reasons, REPEATED_REQUEST) if not reasons and repeats_request(conversation, plans, said) else reasons
            for conversation, reasons in zip(played, objections, strict=True)
        ]

    def play_plans(meter: InferenceEngine, advanced: Callable[[], None]) -> Awaitable[FilledQuotas]:
        return fill_quotas(
            tuple(cast.values()),
            wanted_counts,
            lambda batch: converse_all(batch, meter, strategy, settings.seed, advanced),
            lambda played: find_all_objections(played, meter),
            lambda tries, number: converse_again(tries, meter, strategy, settings.seed, number),
            settings.generation.replays,
        )

    (played, tallies), usage = run_metered(engine, play_plans, "conversations", partition, sum(wanted_counts.values()))
    played += [
        build_failed_conversation(
            plans[failure.subject],
            strategy.name,
            engine.name,
            settings.seed,
            Finding(rule=UNFORESEEN, text=failure.reason),
        )
        for failure in unprepared
    ]
    finished = [conversation for conversation in played if conversation.failure is None]
    unforeseen = _list_unforeseen(played)
    refuse_empty_stage("conversations", len(played) - len(unforeseen), unforeseen)
    calls = count_calls_by_tool(conversation.messages for conversation in played)
    sources = count_sources(played)
    mended = Counter(
        conversation.attempts[-1].kind
        for conversation in played
        if conversation.attempts and not conversation.attempts[-1].findings
    )
    preview = {"preview": show_conversation(finished[0])} if finished else {}
    return Produced(
        to_frame(played, Conversation),
        {
            **preview,
            **report_left_out(tables, "conversations", partition, unforeseen),
            "tool_coverage": show_counts(calls, f"Calls by tool, {partition}", "calls"),
            **usage,
            **measure_ratios(
                requests_per_conversation=(usage["requests"], len(played)),
                share_repaired=(mended["repaired"], len(played)),
                calls_per_conversation=(calls.total(), len(finished)),
            ),
            "strategy": strategy.name,
            "planned": conversation_plans.height,
            "kinds": show_table(
                ("kind", "wanted", "good", "tried", "replayed", "rescued", "planned"),
                [(kind, *(getattr(one, name) for name in TALLY_COLUMNS)) for kind, one in tallies.items()],
            ),
            **_show_selection(tallies, partition),
            "wanted": sum(wanted_counts.values()),
            "good": sum(tally.accepted for tally in tallies.values()),
            "unfilled": "; ".join(
                f"{kind}: {why}" for kind, tally in tallies.items() if (why := tally.explain_shortfall())
            )
            or "none",
            "attempts": sum(max(1, len(conversation.attempts)) for conversation in played),
            "repaired": mended["repaired"],
            "corrected": mended["corrected"],
            "regenerated": mended["regenerated"],
            "finished": len(finished),
            "unfinished": len(played) - len(finished),
            "unfinished_reasons": dict(
                Counter(conversation.failure.rule for conversation in played if conversation.failure)
            ),
            "calls": calls.total(),
            "argument_sources": dict(sources),
        },
    )


TALLY_COLUMNS = ("target", "accepted", "tried", "replayed", "rescued", "planned")


def _show_selection(tallies: Mapping[Kind, KindTally], partition: str) -> dict[str, Any]:
    """Shows what selection takes: the reasons at the first try, and how many were played again and rescued."""
    reasons: Counter[str] = Counter()
    for tally in tallies.values():
        reasons.update(tally.first_reasons)
    tried, replayed, rescued, accepted = (
        sum(getattr(tally, name) for tally in tallies.values()) for name in ("tried", "replayed", "rescued", "accepted")
    )
    plot = {"first_rejections": show_counts(reasons, f"Reasons at the first try, {partition}", "conversations")}
    return {
        "replayed": replayed,
        "rescued": rescued,
        **measure_ratios(share_good_at_once=(accepted - rescued, tried)),
        **(plot if reasons else {}),
    }


def repeats_request(conversation: Conversation, plans: Mapping[str, ConversationPlan], said: SaidRequests) -> bool:
    """Says whether the one request of a conversation was made before in the same words; adds it to those made."""
    if plans[conversation.plan_id].kind != "single_turn":
        return False
    return not all(said.add(message.content or "") for message in conversation.messages if message.role == "user")


def _list_unforeseen(played: Sequence[Conversation]) -> list[RowFailure]:
    """Lists the conversations that mistakes of the program ended; their rows have the reason in `failure`."""
    return [
        RowFailure(
            subject=conversation.conversation_id,
            kind=conversation.failure.rule,
            reason=conversation.failure.text,
            is_mistake=True,
        )
        for conversation in played
        if conversation.failure is not None and conversation.failure.rule == UNFORESEEN
    ]


@stage(group="conversations", kinds={"polars"}, table=stage_tables.SYSTEM_PROMPTS, code_version="3", pool="inference")
def system_prompts(
    partition: str,
    conversations: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """The system prompt of each finished conversation, with the context that arguments may be taken from.

    It is the policy that is given with the tools, word for word, or written by a model where there is none. One that
    could not be written has the reason in `failure`; its conversation will be rejected.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    finished = from_frame(conversations.filter(pl.col("failure").is_null()), Conversation)

    def write_brief(conversation: Conversation) -> system_prompt_writer.SystemPromptBrief:
        participants = cast[conversation.plan_id]
        return system_prompt_writer.SystemPromptBrief(
            participants.plan, participants.situation, tuple(participants.tools.values())
        )

    briefs, unprepared = make_each(finished, write_brief, lambda conversation: conversation.conversation_id)
    identity_by_plan = {conversation.plan_id: conversation.conversation_id for conversation in finished}

    def identify_conversation(brief: system_prompt_writer.SystemPromptBrief) -> str:
        return identity_by_plan[brief.plan.plan_id]

    policy = load_policy(settings, partition)
    drafts, unanswered, usage = ask_each(
        engine,
        system_prompt_writer.ROLE,
        [] if policy else [brief for _, brief in briefs],
        "system_prompts",
        partition,
        settings.seed,
        identify_conversation,
    )
    if policy:
        drafts = [(brief, policy) for _, brief in briefs]
    prompts, unwritten = make_each(
        drafts,
        lambda pair: system_prompt_writer.complete_prompt(pair[1], pair[0]),
        lambda pair: identify_conversation(pair[0]),
    )
    failures = [*unprepared, *unanswered, *unwritten]
    refuse_empty_stage("system prompts", len(prompts), failures)
    prompt_by_id = {identify_conversation(brief): prompt for (brief, _), prompt in prompts}
    failure_by_id = {failure.subject: Finding(rule="no_system_prompt", text=failure.reason) for failure in failures}
    rows = [
        SystemPrompt(
            conversation_id=identity, system_prompt=prompt_by_id.get(identity), failure=failure_by_id.get(identity)
        )
        for identity in identity_by_plan.values()
    ]
    return Produced(
        to_frame(rows, SystemPrompt),
        {
            **usage,
            **report_left_out(tables, "system_prompts", partition, failures),
            **({"policy_characters": len(policy)} if policy else {}),
        },
    )
