"""The quality report: what a dataset is made of, in figures, from the tables that its stages left.

    found = collect(partition, {name: store.read(name, partition) for name in TABLES})
    figures = report(found, weights, seed)          # rows of the table quality_report
    report(merged([found, other]), weights, seed)   # of several partitions together

Here belong which figures there are, and on what each is measured; how they are counted is in `diversity.py` and
`tallies.py`. Figures are of the conversations in the dataset, but those of yields, scores, judges, findings and cost.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from statistics import fmean, median
from types import MappingProxyType
from typing import Any

from funcdex_assets.inference.protocol import Usage
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.judging import committee
from funcdex_assets.planning.turns import recoveries
from funcdex_assets.records.figures import QualityFigure, Spent
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.reports import diversity, tallies
from funcdex_assets.reports.collected import STAGES, Collected, Example

SAMPLE = 1000
"""Conversations on which diversity is measured: its figures depend on how many there are."""

DISTRIBUTIONS = ("user turns", "calls")
PER_ACCEPTED = "per accepted conversation"
SKELETONS = 5
"""Of the most frequent ones, this many are shown."""


def report(
    found: Collected,
    weights: Mapping[Kind, float] | None = None,
    seed: int = 0,
    prices: Mapping[str, TokenPrice] = MappingProxyType({}),
) -> list[QualityFigure]:
    """`weights` are the wanted kinds of conversations, relative to one another; the seed draws the samples.

    `prices` are by model. Without any answer of a model there are no figures of cost.
    """
    examples = found.examples
    return [
        *_yields(found),
        *_validity(examples),
        *_mix(examples, weights or {}),
        *_paths(examples),
        *_shape(examples),
        *_coverage(found),
        *_diversity(diversity.sample(examples, SAMPLE, seed, "quality_report")),
        *_scores(found.scored),
        *_judges(found.scored),
        *_findings(found),
        *(_cost(found, prices) if found.spent else ()),
    ]


def _yields(found: Collected) -> Iterator[QualityFigure]:
    whole = found.yields[STAGES[0]]
    for stage in STAGES:
        yield _number("yields", "conversations", found.yields[stage], stage)
    for before, after in pairwise(STAGES):
        yield _share("yields", "share that goes on", found.yields[after], found.yields[before], f"{before} → {after}")
    yield _share("yields", "share of all candidates in the dataset", found.yields["dataset"], whole)
    mended = sum(bool(example.conversation.attempts) for example in found.examples)
    yield _share("yields", "corrected or written anew", mended, len(found.examples))


def _validity(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    counts: dict[str, Callable[[Example], tallies.Count]] = {
        "valid calls": lambda one: tallies.valid_calls(one.messages, one.cast.tools, one.late),
        "valid results": lambda one: tallies.valid_results(one.messages, {**one.cast.tools, **one.late}),
        "grounded arguments": lambda one: tallies.grounded(one.messages, one.conversation.provenance),
        "stated values that the call contradicts": lambda one: tallies.contradicted(one.messages, one.cast.plan.steps),
        "echoed ids that differ": lambda one: tallies.differing_echoes(one.messages),
    }
    for name, count in counts.items():
        part, whole = _summed(map(count, examples))
        yield _share("validity", name, part, whole)
    sources = Counter(source.source for one in examples for source in one.conversation.provenance)
    yield from _distribution("validity", "source of arguments", sources)


def _mix(examples: Sequence[Example], weights: Mapping[Kind, float]) -> Iterator[QualityFigure]:
    total = sum(weights.values())
    wanted: dict[str, float] = {kind: weight / total for kind, weight in weights.items()} if total else {}
    yield from _distribution("mix", "kind", Counter(one.cast.plan.kind for one in examples), wanted)
    yield from _distribution("mix", "chain pattern", Counter(one.pattern for one in examples))
    yield from _distribution("mix", "clarity", Counter(one.cast.plan.clarity for one in examples))
    turns = Counter(kind for one in examples for kind in {turn.kind for turn in one.cast.plan.turns})
    for kind, count in sorted(turns.items(), key=lambda item: (-item[1], item[0])):
        yield _share("mix", "conversations with such a turn", count, len(examples), kind)
    faults = Counter(step.fault for one in examples for step in one.cast.plan.steps if step.fault)
    yield from _distribution("mix", "planned fault", faults)
    how = Counter(recovery for one in examples for recovery in recoveries(one.cast.plan))
    yield from _distribution("mix", "planned recovery", how)


def _paths(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    shares: dict[str, Callable[[Sequence[Message]], bool]] = {
        "with parallel calls": tallies.has_parallel_calls,
        "with an error": lambda messages: tallies.errors(messages) > 0,
        "with an empty result": lambda messages: tallies.empty_results(messages) > 0,
        "with an error or empty result": lambda messages: (
            tallies.errors(messages) + tallies.empty_results(messages) > 0
        ),
        "failed, then succeeded": tallies.recovered,
        "speaks before the first call": tallies.speaks_first,
        "without any call": lambda messages: not any(message.tool_calls for message in messages),
    }
    for name, holds in shares.items():
        yield _share("paths", name, sum(holds(one.messages) for one in examples), len(examples))


def _shape(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    measures: dict[str, Callable[[Example], int]] = {
        "user turns": lambda one: len(one.user_messages),
        "calls": lambda one: sum(len(message.tool_calls) for message in one.messages),
        "tools on offer": lambda one: len(one.cast.tools),
    }
    for name, measure in measures.items():
        values = [measure(one) for one in examples]
        if values:
            yield _number("shape", f"{name} per conversation", fmean(values), "mean")
            yield _number("shape", f"{name} per conversation", median(values), "median")
            yield _number("shape", f"{name} per conversation", max(values), "most")
        counted = Counter(values) if name in DISTRIBUTIONS else Counter()
        for value in sorted(counted):
            yield _share("shape", f"conversations by {name}", counted[value], len(examples), str(value))
    long = sum(len(one.user_messages) >= 6 for one in examples)
    yield _share("shape", "six or more user turns", long, len(examples))
    called = [[call.name for message in one.messages for call in message.tool_calls] for one in examples]
    several = sum(len(names) >= 3 and len(set(names)) >= 2 for names in called)
    yield _share("shape", "three or more calls, of two or more tools", several, len(examples))


def _coverage(found: Collected) -> Iterator[QualityFigure]:
    called: set[str] = set()
    used: set[str] = set()
    for one in found.examples:
        names = {call.id: call.name for message in one.messages for call in message.tool_calls}
        called |= {f"{one.partition}:{name}" for name in names.values()}
        used |= {
            f"{one.partition}:{names[source.from_call]}>{names[source.call_id]}"
            for source in one.conversation.provenance
            if source.source == "result" and source.from_call in names and source.call_id in names
        }
    yield _share("coverage", "tools called", len(called & found.tools), len(found.tools))
    yield _share("coverage", "pairs of tools used, of those in the graph", len(used & found.edges), len(found.edges))


def _diversity(examples: Sequence[Example]) -> Iterator[QualityFigure]:
    """Of at most `SAMPLE` conversations."""
    yield _number("diversity", "conversations sampled", len(examples))
    said = [text for one in examples for text in one.user_messages]
    firsts = [text for one in examples for text in one.user_messages[:1]]
    for order in (1, 2, 3):
        yield _share("diversity", f"distinct-{order} of user turns", *diversity.distinct(said, order))
    for name, texts in (("user turns", said), ("first user messages", firsts)):
        drawn = diversity.sample(texts, SAMPLE, len(texts), name)
        yield _number("diversity", f"self-BLEU of {name}", diversity.self_bleu(drawn))
    whole = max(1, len(examples))
    bones = [_bones(one) for one in examples]
    opened = {
        "unique first messages": firsts,
        "unique first sentences": [diversity.first_sentence(text) for text in firsts],
        "unique first messages, values masked": [" ".join(one["user"][0]) for one in bones if one["user"]],
        "unique closings": [text for one in examples for text in one.user_messages[-1:]],
    }
    for name, texts in opened.items():
        yield _number("diversity", f"{name}, per 1,000", 1000 * diversity.openings(texts) / whole)
    for speaker in ("user", "assistant"):
        yield from _skeletons(speaker, Counter(one for each in bones for text in each[speaker] for one in text))
    keys = [diversity.conversation_key(one.messages) for one in examples]
    yield _share("diversity", "copies once ids, digits and quotes are masked", diversity.repeats(keys), len(keys))
    users = [tuple(chain.from_iterable(one["user"])) for one in bones]
    yield _share("diversity", "copies of all that the user says, values masked", diversity.repeats(users), len(users))


def _bones(example: Example) -> dict[str, list[list[str]]]:
    """Speaker → the sentence skeletons of each of its messages."""
    known = diversity.any_of(example.known())
    found: dict[str, list[list[str]]] = {"user": [], "assistant": []}
    for message in example.messages:
        if message.role in found and message.content:
            found[message.role].append(diversity.skeletons(diversity.speech(message.content), known))
    return found


def _skeletons(speaker: str, counts: Counter[str]) -> Iterator[QualityFigure]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    top = ranked[0][1] if ranked else 0
    yield _share("diversity", f"most frequent sentence skeleton, {speaker}", top, counts.total())
    for bones, count in ranked[:SKELETONS]:
        yield _share("diversity", f"frequent sentence skeletons, {speaker}", count, counts.total(), bones)


def _scores(scored: Sequence[ScoredConversation]) -> Iterator[QualityFigure]:
    for scale in SCALES:
        given = [score for one in scored if (score := getattr(one, scale)) is not None]
        if given:
            yield _number("scores", "mean score", fmean(given), scale)
        counted = Counter(given)
        for score in range(1, 6):
            yield _share("scores", scale, counted[score], len(given), str(score))


def _judges(scored: Sequence[ScoredConversation]) -> Iterator[QualityFigure]:
    """Of a committee: what each member gave, and how far every two of them are apart."""
    names = committee.judges(scored)
    for name in names:
        given = committee.verdicts_of(name, scored)
        for scale in SCALES:
            if marks := committee.marks(given, scale):
                yield _number("judges", "mean score by judge", fmean(marks), f"{name}: {scale}")
    for name in names:
        given = committee.verdicts_of(name, scored)
        silent = sum(one.failure is not None for one in given)
        yield _share("judges", "conversations without a verdict", silent, len(given), name)
    found = list(committee.pairs(scored))
    for pair in found:
        yield _number("judges", "mean difference between judges", pair.apart, _between(pair))
    for pair in found:
        yield _share("judges", "equal scores of two judges", pair.equal, pair.conversations, _between(pair))
    for pair in found:
        if pair.rho is not None:
            yield _number("judges", "rank correlation of judges", pair.rho, _between(pair))
    if names:
        spreads = Counter(one.disagreement for one in scored if one.disagreement is not None)
        for spread in range(5):
            yield _share("judges", "widest spread on any scale", spreads[spread], spreads.total(), str(spread))


def _between(pair: committee.Pair) -> str:
    return f"{' / '.join(pair.judges)}: {pair.scale}"


def _findings(found: Collected) -> Iterator[QualityFigure]:
    """Shares of the conversations that were judged, accepted or not."""
    kinds = {"blocking": True, "remark": False}
    for name, blocking in kinds.items():
        counts = Counter(
            rule
            for one in found.scored
            for rule in {finding.rule for finding in one.findings if finding.blocking is blocking}
        )
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield _share("findings", name, count, len(found.scored), rule)
    clean = sum(not one.findings for one in found.scored)
    yield _share("findings", "conversations without any", clean, len(found.scored))


def _cost(found: Collected, prices: Mapping[str, TokenPrice]) -> Iterator[QualityFigure]:
    """Of all that was asked for these tables, rejected conversations included, at what it cost when first paid."""
    accepted = found.yields["accepted"]
    roles = {role: [one for one in found.spent if one.role == role] for role in sorted({o.role for o in found.spent})}
    measures: dict[str, Callable[[Spent], float]] = {
        "requests": lambda one: one.requests,
        "prompt tokens": lambda one: one.prompt_tokens,
        "cached prompt tokens": lambda one: one.cached_tokens,
        "completion tokens": lambda one: one.completion_tokens,
    }
    if any(one.model in prices for one in found.spent):
        measures["cost in dollars"] = lambda one: prices[one.model].cost(_usage(one)) if one.model in prices else 0.0
    for name, measure in measures.items():
        yield _number("cost", name, sum(map(measure, found.spent)), "in all")
        if accepted:
            yield _number("cost", name, sum(map(measure, found.spent)) / accepted, PER_ACCEPTED)
            for role, rows in roles.items():
                yield _number("cost", name, sum(map(measure, rows)) / accepted, f"{PER_ACCEPTED}, {role}")
    unpriced = sum(one.requests for one in found.spent if one.model not in prices)
    yield _number("cost", "requests without a price", unpriced)


def _usage(spent: Spent) -> Usage:
    return Usage(spent.prompt_tokens, spent.completion_tokens, spent.cached_tokens)


def _share(section: str, figure: str, part: int, whole: int, item: str = "") -> QualityFigure:
    value = part / whole if whole else 0.0
    return QualityFigure(section=section, figure=figure, item=item, value=value, part=part, whole=whole)


def _number(section: str, figure: str, value: float, item: str = "") -> QualityFigure:
    return QualityFigure(section=section, figure=figure, item=item, value=float(value))


def _distribution(
    section: str, figure: str, counts: Mapping[Any, int], wanted: Mapping[str, float] | None = None
) -> Iterator[QualityFigure]:
    """The most frequent first; what is wanted and is not there has a share of 0."""
    wanted, whole = wanted or {}, sum(counts.values())
    names = dict.fromkeys(chain(sorted(counts, key=lambda name: (-counts[name], name)), wanted))
    for name in names:
        part = counts.get(name, 0)
        yield QualityFigure(
            section=section,
            figure=figure,
            item=str(name),
            value=part / whole if whole else 0.0,
            part=part,
            whole=whole,
            wanted=wanted.get(name, 0.0) if wanted else None,
        )


def _summed(counts: Iterable[tallies.Count]) -> tuple[int, int]:
    parts = list(counts)
    return sum(part for part, _ in parts), sum(whole for _, whole in parts)
