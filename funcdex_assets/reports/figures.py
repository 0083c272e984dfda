"""The quality report: the figures that describe a dataset, computed from the tables of its stages.

    collected = collect_tables(partition, {name: store.read_frame(name, partition) for name in TABLES})
    figures = compute_figures(collected, weights, seed)                     # rows of the table quality_report
    compute_figures(merge_collected([collected, other]), weights, seed)     # of several partitions together

Belongs here: the list of figures and the conversations that each is measured on. How they are counted is in
`diversity.py` and `tallies.py`; the figures of published rows are in `shortcuts.py`. Figures describe the conversations
in the dataset; only yields, scores, judges, findings and cost describe all conversations.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from statistics import fmean, median
from types import MappingProxyType

from funcdex_assets.catalog.definition_gaps import (
    Gap,
    count_given_arguments,
    find_use_gaps,
    has_parameters,
)
from funcdex_assets.contracts.toolkit_gaps import find_toolkit_gaps
from funcdex_assets.inference.protocol import Usage
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.judging import committee
from funcdex_assets.planning.turns import list_recoveries
from funcdex_assets.records.figures import GAPS_IN_DEFINITIONS, GAPS_IN_USE, QualityFigure, Spent
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message
from funcdex_assets.records.row_failures import RowFailure, work_without_failing
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.reports import diversity, tallies
from funcdex_assets.reports.collected import Collected, Example
from funcdex_assets.reports.figure_rows import build_distribution, build_number, build_share
from funcdex_assets.reports.shortcuts import compute_row_figures
from funcdex_assets.reports.stage_counts import STAGES, count_sources

SAMPLE = 1000
"""Conversations on which diversity is measured: its figures depend on how many there are."""

DISTRIBUTIONS = ("user turns", "calls")
PER_ACCEPTED = "per accepted conversation"
SKELETONS = 5
"""Number of the most frequent sentence skeletons that are reported, per speaker."""


def compute_figures(
    collected: Collected,
    weights: Mapping[Kind, float] | None = None,
    seed: int = 0,
    prices: Mapping[str, TokenPrice] = MappingProxyType({}),
) -> list[QualityFigure]:
    """Computes all figures of the report.

    `weights` are the wanted kinds of conversations, relative to one another; the seed draws the samples.

    `prices` are keyed by model. If no model was asked, there are no figures of cost.
    """
    examples = collected.examples
    return [
        *_compute_yields(collected),
        *_compute_validity(examples),
        *_compute_mix(examples, weights or {}),
        *_compute_paths(examples),
        *_compute_lengths(examples),
        *_compute_coverage(collected),
        *_count_gaps(collected),
        *_compute_diversity(diversity.draw_sample(examples, SAMPLE, seed, "quality_report")),
        *compute_row_figures(collected.rows, collected.topics),
        *_compute_scores(collected.scored),
        *_compare_judges(collected.scored),
        *_count_findings(collected),
        *(_compute_cost(collected, prices) if collected.spent else ()),
    ]


def compute_sound_figures(
    collected: Collected,
    weights: Mapping[Kind, float] | None = None,
    seed: int = 0,
    prices: Mapping[str, TokenPrice] = MappingProxyType({}),
) -> tuple[list[QualityFigure], list[RowFailure]]:
    """Computes all figures over the conversations that can be measured; returns them, and the others' failures."""
    figures, unmeasured = work_without_failing(
        collected.conversations,
        lambda examples: compute_figures(collected.select_conversations(examples), weights, seed, prices),
        lambda example: example.conversation.conversation_id,
    )
    return figures, [*collected.failures, *unmeasured]


def _compute_yields(collected: Collected) -> Iterator[QualityFigure]:
    candidates = collected.yields[STAGES[0]]
    for stage in STAGES:
        yield build_number("yields", "conversations", collected.yields[stage], stage)
    for before, after in pairwise(STAGES):
        yield build_share(
            "yields", "share that goes on", collected.yields[after], collected.yields[before], f"{before} → {after}"
        )
    yield build_share("yields", "share of all candidates in the dataset", collected.yields["dataset"], candidates)
    mended = sum(bool(example.conversation.attempts) for example in collected.examples)
    yield build_share("yields", "corrected or written anew", mended, len(collected.examples))


def _compute_validity(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    measures: dict[str, Callable[[Example], tallies.Count]] = {
        "valid calls": lambda example: tallies.count_valid_calls(
            example.messages, example.participants.tools, example.late
        ),
        "valid results": lambda example: tallies.count_valid_results(
            example.messages, {**example.participants.tools, **example.late}
        ),
        "grounded arguments": lambda example: tallies.count_grounded(example.messages, example.conversation.provenance),
        "stated values that the call contradicts": lambda example: tallies.count_contradicted(
            example.messages, example.participants.plan.steps
        ),
        "echoed ids that differ": lambda example: tallies.count_differing_echoes(example.messages),
    }
    for name, measure in measures.items():
        count, total = _sum_counts(map(measure, examples))
        yield build_share("validity", name, count, total)
    sources = count_sources(example.conversation for example in examples)
    yield from build_distribution("validity", "source of arguments", sources)


def _compute_mix(examples: Sequence[Example], weights: Mapping[Kind, float]) -> Iterator[QualityFigure]:
    total = sum(weights.values())
    wanted_shares: dict[str, float] = {kind: weight / total for kind, weight in weights.items() if weight}
    yield from build_distribution(
        "mix", "kind", Counter(example.participants.plan.kind for example in examples), wanted_shares
    )
    yield from build_distribution("mix", "chain pattern", Counter(example.pattern for example in examples))
    yield from build_distribution("mix", "clarity", Counter(example.participants.plan.clarity for example in examples))
    turns = Counter(kind for example in examples for kind in {turn.kind for turn in example.participants.plan.turns})
    for kind, count in sorted(turns.items(), key=lambda item: (-item[1], item[0])):
        yield build_share("mix", "conversations with such a turn", count, len(examples), kind)
    faults = Counter(step.fault for example in examples for step in example.participants.plan.steps if step.fault)
    yield from build_distribution("mix", "planned fault", faults)
    recoveries = Counter(recovery for example in examples for recovery in list_recoveries(example.participants.plan))
    yield from build_distribution("mix", "planned recovery", recoveries)


def _compute_paths(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    shares: dict[str, Callable[[Sequence[Message]], bool]] = {
        "with parallel calls": tallies.has_parallel_calls,
        "with an error": lambda messages: tallies.count_errors(messages) > 0,
        "with an empty result": lambda messages: tallies.count_empty_results(messages) > 0,
        "with an error or empty result": lambda messages: (
            tallies.count_errors(messages) + tallies.count_empty_results(messages) > 0
        ),
        "failed, then succeeded": tallies.has_recovered,
        "speaks before the first call": tallies.speaks_first,
        "without any call": lambda messages: not any(message.tool_calls for message in messages),
    }
    for name, holds in shares.items():
        yield build_share("paths", name, sum(holds(example.messages) for example in examples), len(examples))


def _compute_lengths(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    measures: dict[str, Callable[[Example], int]] = {
        "user turns": lambda example: len(example.user_messages),
        "calls": lambda example: sum(len(message.tool_calls) for message in example.messages),
        "tools on offer": lambda example: len(example.participants.tools),
    }
    for name, measure in measures.items():
        values = [measure(example) for example in examples]
        if values:
            yield build_number("shape", f"{name} per conversation", fmean(values), "mean")
            yield build_number("shape", f"{name} per conversation", median(values), "median")
            yield build_number("shape", f"{name} per conversation", max(values), "most")
        counted = Counter(values) if name in DISTRIBUTIONS else Counter()
        for value in sorted(counted):
            yield build_share("shape", f"conversations by {name}", counted[value], len(examples), str(value))
    long_count = sum(len(example.user_messages) >= 6 for example in examples)
    yield build_share("shape", "six or more user turns", long_count, len(examples))
    called_tools = [[call.name for message in example.messages for call in message.tool_calls] for example in examples]
    several = sum(len(names) >= 3 and len(set(names)) >= 2 for names in called_tools)
    yield build_share("shape", "three or more calls, of two or more tools", several, len(examples))


def _compute_coverage(collected: Collected) -> Iterator[QualityFigure]:
    calls = list(collected.calls)
    called_tools = {label for label, _ in calls}
    used_edges: set[str] = set()
    for example in collected.examples:
        names = {call.id: call.name for message in example.messages for call in message.tool_calls}
        used_edges |= {
            f"{example.partition}:{names[source.from_call]}>{names[source.call_id]}"
            for source in example.conversation.provenance
            if source.source == "result" and source.from_call in names and source.call_id in names
        }
    # Without a conversation nothing was measured, and 0 tools of all would say that something was.
    tools = collected.tools if collected.examples else {}
    yield build_share("coverage", "tools called", len(called_tools & tools.keys()), len(tools))
    with_parameters = {label for label, tool in tools.items() if has_parameters(tool)}
    given = {label for label, arguments in calls if arguments}
    yield build_share(
        "coverage",
        "tools called with arguments, of those that have parameters",
        len(given & with_parameters),
        len(with_parameters),
    )
    yield build_share("coverage", "calls with arguments", sum(bool(arguments) for _, arguments in calls), len(calls))
    yield build_share(
        "coverage", "arguments given, of those that the tools declare", *count_given_arguments(tools, calls)
    )
    yield build_share(
        "coverage",
        "pairs of tools used, of those in the graph",
        len(used_edges & collected.edges),
        len(collected.edges) if collected.examples else 0,
    )


def _count_gaps(collected: Collected) -> Iterator[QualityFigure]:
    """Counts what the definitions leave out, and what of them the conversations never used, each of all places."""
    sections = {GAPS_IN_DEFINITIONS: find_gaps_in_definitions(collected), GAPS_IN_USE: find_gaps_in_use(collected)}
    for section, gaps in sections.items():
        for gap in gaps:
            yield build_share(section, gap.title, len(gap.places), gap.whole)


def find_gaps_in_definitions(collected: Collected) -> list[Gap]:
    """Finds what the tool definitions of the partitions leave out."""
    shown = _name_tools(collected)
    return find_toolkit_gaps({shown[label]: tool for label, tool in collected.tools.items()})


def find_gaps_in_use(collected: Collected) -> list[Gap]:
    """Finds the tools and arguments that no conversation of the dataset used."""
    shown = _name_tools(collected)
    return find_use_gaps(
        {shown[label]: tool for label, tool in collected.tools.items()},
        ((shown[label], arguments) for label, arguments in collected.calls if label in shown),
        len(collected.examples),
    )


def _name_tools(collected: Collected) -> dict[str, str]:
    """Returns the name under which each tool is shown: without its partition if there is only one."""
    is_single = len({label.partition(":")[0] for label in collected.tools}) == 1
    return {label: label.partition(":")[2] if is_single else label for label in collected.tools}


def _compute_diversity(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    """Computes the diversity of at most `SAMPLE` conversations."""
    yield build_number("diversity", "conversations sampled", len(examples))
    user_texts = [text for example in examples for text in example.user_messages]
    firsts = [text for example in examples for text in example.user_messages[:1]]
    for order in (1, 2, 3):
        yield build_share(
            "diversity", f"distinct-{order} of user turns", *diversity.count_distinct_ngrams(user_texts, order)
        )
    for name, texts in (("user turns", user_texts), ("first user messages", firsts)):
        drawn = diversity.draw_sample(texts, SAMPLE, len(texts), name)
        yield build_number("diversity", f"self-BLEU of {name}", diversity.compute_self_bleu(drawn))
    conversation_count = max(1, len(examples))
    skeletons = [_list_skeletons(example) for example in examples]
    opened = {
        "unique first messages": firsts,
        "unique first sentences": [diversity.find_first_sentence(text) for text in firsts],
        "unique first messages, values masked": [
            " ".join(by_speaker["user"][0]) for by_speaker in skeletons if by_speaker["user"]
        ],
        "unique closings": [text for example in examples for text in example.user_messages[-1:]],
    }
    for name, texts in opened.items():
        yield build_number(
            "diversity", f"{name}, per 1,000", 1000 * diversity.count_different_openings(texts) / conversation_count
        )
    for speaker in ("user", "assistant"):
        yield from _count_skeletons(
            speaker, Counter(skeleton for by_speaker in skeletons for text in by_speaker[speaker] for skeleton in text)
        )
    keys = [diversity.compute_conversation_key(example.messages) for example in examples]
    yield build_share(
        "diversity", "copies once ids, digits and quotes are masked", diversity.count_repeats(keys), len(keys)
    )
    users = [tuple(chain.from_iterable(by_speaker["user"])) for by_speaker in skeletons]
    yield build_share(
        "diversity", "copies of all that the user says, values masked", diversity.count_repeats(users), len(users)
    )


def _list_skeletons(example: Example) -> dict[str, list[list[str]]]:
    """Lists, by speaker, the sentence skeletons of each message."""
    known_values = diversity.compile_pattern_of_any(example.collect_known_values())
    skeletons: dict[str, list[list[str]]] = {"user": [], "assistant": []}
    for message in example.messages:
        if message.role in skeletons and message.content:
            skeletons[message.role].append(
                diversity.list_skeletons(diversity.remove_json_objects(message.content), known_values)
            )
    return skeletons


def _count_skeletons(speaker: str, counts: Counter[str]) -> Iterator[QualityFigure]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    top = ranked[0][1] if ranked else 0
    yield build_share("diversity", f"most frequent sentence skeleton, {speaker}", top, counts.total())
    for bones, count in ranked[:SKELETONS]:
        yield build_share("diversity", f"frequent sentence skeletons, {speaker}", count, counts.total(), bones)


def _compute_scores(scored: Sequence[ScoredConversation]) -> Iterator[QualityFigure]:
    for scale in SCALES:
        scores = [score for conversation in scored if (score := getattr(conversation, scale)) is not None]
        if scores:
            yield build_number("scores", "mean score", fmean(scores), scale)
        counted = Counter(scores)
        for score in range(1, 6):
            yield build_share("scores", scale, counted[score], len(scores), str(score))


def _compare_judges(scored: Sequence[ScoredConversation]) -> Iterator[QualityFigure]:
    """Computes the mean scores of each judge, the differences between every two of them in scores and rejections (the
    heuristic beside models is one of them), how far the order of the prompt swayed each, and how often its quotes fail.
    """
    names = committee.list_judges(scored)
    for name in names:
        verdicts = committee.select_verdicts(name, scored)
        for scale in SCALES:
            if marks := committee.collect_scores(verdicts, scale):
                yield build_number("judges", "mean score by judge", fmean(marks), f"{name}: {scale}")
    for name in names:
        verdicts = committee.select_verdicts(name, scored)
        silent = sum(verdict.failure is not None for verdict in verdicts)
        yield build_share("judges", "conversations without a verdict", silent, len(verdicts), name)
    agreements = list(committee.compare_judges(scored))
    for pair in agreements:
        yield build_number("judges", "mean difference between judges", pair.mean_difference, _name_pair(pair))
    for pair in agreements:
        yield build_share(
            "judges", "equal scores of two judges", pair.equal_scores, pair.conversations, _name_pair(pair)
        )
    for pair in agreements:
        if pair.rank_correlation is not None:
            yield build_number("judges", "rank correlation of judges", pair.rank_correlation, _name_pair(pair))
    for decisions in committee.compare_rejections(scored):
        name = " / ".join(decisions.judges)
        outcomes = {
            "rejected by both of two judges": decisions.both_reject,
            "rejected by the first of two judges only": decisions.only_first_rejects,
            "rejected by the second of two judges only": decisions.only_second_rejects,
        }
        for figure, count in outcomes.items():
            yield build_share("judges", figure, count, decisions.conversations, name)
        if decisions.kappa is not None:
            yield build_number("judges", "kappa of what two judges reject", decisions.kappa, name)
    for name, scales in committee.measure_order_sway(scored).items():
        for scale, (apart, count) in scales.items():
            yield build_number("judges", "sway by the order of the prompt", apart / count, f"{name}: {scale}")
    for name in names:
        unsupported, named = committee.count_evidence(committee.select_verdicts(name, scored))
        if named:
            yield build_share("judges", "faults named without support", unsupported, named, name)
    if any(len(conversation.members) > 1 for conversation in scored):
        spreads = Counter(conversation.disagreement for conversation in scored if conversation.disagreement is not None)
        for spread in range(5):
            yield build_share("judges", "widest spread on any scale", spreads[spread], spreads.total(), str(spread))


def _name_pair(pair: committee.JudgeAgreement) -> str:
    return f"{' / '.join(pair.judges)}: {pair.scale}"


def _count_findings(collected: Collected) -> Iterator[QualityFigure]:
    """Computes each rule's share of the judged conversations, accepted or not."""
    kinds = {"blocking": True, "remark": False}
    for name, blocking in kinds.items():
        counts = Counter(
            rule
            for conversation in collected.scored
            for rule in {finding.rule for finding in conversation.findings if finding.blocking is blocking}
        )
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield build_share("findings", name, count, len(collected.scored), rule)
    clean = sum(not conversation.findings for conversation in collected.scored)
    yield build_share("findings", "conversations without any", clean, len(collected.scored))


def _compute_cost(collected: Collected, prices: Mapping[str, TokenPrice]) -> Iterator[QualityFigure]:
    """Computes requests, tokens and cost of all model answers in the tables, rejected conversations included.

    An answer counts with its cost when it was first paid, also if it was replayed from the journal.
    """
    accepted = collected.yields["accepted"]
    roles = {
        role: [entry for entry in collected.spent if entry.role == role]
        for role in sorted({entry.role for entry in collected.spent})
    }
    measures: dict[str, Callable[[Spent], float]] = {
        "requests": lambda entry: entry.requests,
        "prompt tokens": lambda entry: entry.prompt_tokens,
        "cached prompt tokens": lambda entry: entry.cached_tokens,
        "completion tokens": lambda entry: entry.completion_tokens,
    }
    if any(entry.model in prices for entry in collected.spent):
        measures["cost in dollars"] = lambda entry: (
            prices[entry.model].compute_cost(_read_usage(entry)) if entry.model in prices else 0.0
        )
    for name, measure in measures.items():
        yield build_number("cost", name, sum(map(measure, collected.spent)), "in all")
        if accepted:
            yield build_number("cost", name, sum(map(measure, collected.spent)) / accepted, PER_ACCEPTED)
            for role, rows in roles.items():
                yield build_number("cost", name, sum(map(measure, rows)) / accepted, f"{PER_ACCEPTED}, {role}")
    unpriced = sum(entry.requests for entry in collected.spent if entry.model not in prices)
    yield build_number("cost", "requests without a price", unpriced)


def _read_usage(spent: Spent) -> Usage:
    return Usage(spent.prompt_tokens, spent.completion_tokens, spent.cached_tokens)


def _sum_counts(counts: Iterable[tallies.Count]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(count for count, _ in pairs), sum(total for _, total in pairs)
