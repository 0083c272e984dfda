"""Draws tool chains: seeded walks over the tool graph, whose calls use one another's results.

Belongs here: the drawing. Telling patterns apart belongs to `patterns`, counting what was drawn to `coverage`.

A walk begins with a tool that needs no id, and continues only with tools whose required ids earlier results hold:
LIST_THREADS, then FETCH_THREAD with `thread_id` from the listing. In between it may begin anew with another tool that
needs no id, if the call after that joins its result with an earlier one. Tools and edges that were drawn less often so
far are drawn more (`coverage`), unless the draw is not steered. If a conversation has several goals, each goal is a
walk of its own, and the last call of all uses a result of the first goal.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import msgspec

from funcdex_assets.records.chain_patterns import EDGELESS_PATTERNS, LINKED, PARALLEL_PATTERNS, SEVERAL_GOALS
from funcdex_assets.records.hold_out import HoldOut, is_held_out
from funcdex_assets.records.kinds import CHAIN_SHAPES
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.row_failures import (
    RowFailure,
    explain_row_failure,
    summarise_reasons,
    work_without_failing,
)
from funcdex_assets.records.seeds import build_generator, derive_id, derive_seed
from funcdex_assets.records.tool import Binding, ChainStep, Tool, ToolChain, ToolEdge
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_query
from funcdex_assets.semantics.stated_rules import LockedAfter, read_stated_rules
from funcdex_assets.semantics.tool_names import ACTIONS, is_id, names_several, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import PERSON_NOUNS, READING_ACTIONS
from funcdex_assets.tool_graph.coverage import TOOL_PULL, Coverage
from funcdex_assets.tool_graph.graph import find_needed_ids, to_canonical_noun
from funcdex_assets.tool_graph.patterns import PatternMix, classify_pattern

ATTEMPTS_PER_CHAIN = 200
PATIENCE = 800  # attempts in a row without a new chain, after which a pattern is taken to be exhausted
MUST_INCLUDE_PULL = 20.0  # how much more readily a tool is drawn if the chain must include one of a few
MAX_CALLS_AT_ONCE = 3  # calls in one message
# Calls of all goals together: at least so many, and no further goal is added when there are so many.
MIN_CALLS_OF_GOALS, ENOUGH_CALLS_OF_GOALS = 6, 10
ALL_STEPS = slice(None)
# What is in a thing only if somebody put it there.
_PART_NOUNS = frozenset(
    (
        "attachment comment message email thread reply note subtask task section event issue file folder worklog "
        "reaction image price invoice payment intent subscription order booking rule collaborator"
    ).split()
)
_INBORN_NOUNS = PERSON_NOUNS | frozenset("transition instance occurrence permission version time slot".split())
"""Things that may be in something new though nobody put them there."""


class ChainError(ValueError):
    """No chain can be drawn; the message says which tools and why."""


@dataclass(frozen=True)
class ChainLimits:
    """The conditions that drawn chains meet.

    - `min_calls`, `max_calls`: the length of a chain; in a chain of several goals, that of each goal
    - `test_share`: the share of chains that is held out for the test split; `hold_out` says by what
    - `must_cross`: a share `crossing_share` of the chains calls two toolkits or more
    - `steered`: tools, edges and patterns that were drawn before are drawn less
    - `must_include`: at least one of these tools is called; any chain is fine if it is empty
    - `tool_weights`: how many times as readily a tool is drawn
    - `patterns`: weights of patterns (see `patterns`); without them chains are linked as the graph offers, or
      independent calls if the graph has no edges
    - `goals`: the least and the greatest number of goals in a chain of several goals
    - `plain_tools`: those that chains of the kind `command` are made of
    - `spoken_tools`: those that people ask for in plain words, and that are called and done; under `single_turn` they
      are not called at once with others
    """

    min_calls: int
    max_calls: int
    test_share: float
    must_cross: bool
    steered: bool = True
    must_include: frozenset[str] = frozenset()
    tool_weights: Mapping[str, float] = field(default_factory=dict)
    patterns: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = "multi_step"
    crossing_share: float = 1.0
    hold_out: HoldOut = "chain"
    goals: tuple[int, int] = (1, 1)
    plain_tools: frozenset[str] = frozenset()
    spoken_tools: frozenset[str] = frozenset()

    def narrow_to_kind(self, kind: Kind) -> "ChainLimits":
        """Narrows the limits to those for one kind of conversation."""
        shape = CHAIN_SHAPES[kind]
        linked = {
            name: weight
            for name, weight in self.patterns.items()
            if name not in EDGELESS_PATTERNS | PARALLEL_PATTERNS | {SEVERAL_GOALS}
        }
        patterns: dict[str, float] = {}
        for name, weight in shape.patterns.items():
            if name == LINKED and linked:
                patterns |= {pattern: weight * share / sum(linked.values()) for pattern, share in linked.items()}
            else:
                patterns[name] = weight * self.patterns.get(name, 1 if not self.patterns or name == LINKED else 0)
        least = min(max(shape.min_steps, self.min_calls if shape.min_steps > 1 else 1), self.max_calls)
        return replace(
            self,
            kind=kind,
            min_calls=least,
            max_calls=max(least, min(self.max_calls, shape.max_steps)),
            patterns=patterns if any(patterns.values()) else shape.patterns,
            goals=shape.goal_range,
        )


def draw_chain_mix(
    tools: Sequence[Tool],
    edges: Sequence[ToolEdge],
    counts: Mapping[tuple[Kind, bool], int],
    limits: ChainLimits,
    seed: int,
    past: Coverage | None = None,
) -> tuple[list[ToolChain], list[RowFailure]]:
    """Draws up to `counts` chains of each kind and side (True: held out), fewer if no more exist; returns them, and the
    tools and draws that failed with their reasons.

    Raises:
        ChainError: there is no chain of any kind.
    """
    if not counts:
        raise ChainError(
            f"none of the kinds that generation.kinds names suits these {len(tools)} tools: short commands are for "
            "tools that declare no result; name other kinds, or leave the setting out"
        )

    def place_walker(usable_tools: Sequence[Tool]) -> _ChainWalker:
        names = {tool.name for tool in usable_tools}
        usable_edges = [edge for edge in edges if edge.source_tool in names and edge.target_tool in names]
        return _ChainWalker(usable_tools, usable_edges, limits, past or Coverage())

    walker, failed_tools = work_without_failing(tools, place_walker, lambda tool: tool.name)
    drawn: list[ToolChain] = []
    kinds: dict[Kind, None] = dict.fromkeys(kind for kind, _ in counts)
    for kind in kinds:
        sides = {side: count for (wanted_kind, side), count in counts.items() if wanted_kind == kind}
        drawn += _draw_chains(walker, sides, limits.narrow_to_kind(kind), derive_seed(seed, kind))
    if not drawn:
        raise _build_no_chain_error(walker, limits)
    return drawn, failed_tools + walker.failed_draws


def sample_chains(
    tools: Sequence[Tool],
    edges: Sequence[ToolEdge],
    count: int,
    limits: ChainLimits,
    seed: int,
    past: Coverage | None = None,
) -> list[ToolChain]:
    """Draws up to `count` different chains, of which a `test_share` is held out; fewer if no more exist.

    `past` is the coverage of earlier nights; it is not changed.

    Raises:
        ChainError: no tool can begin a chain, or none can continue one.
    """
    walker = _ChainWalker(tools, edges, limits, past or Coverage())
    held_out = round(count * limits.test_share)
    if limits.test_share and count > 1:
        held_out = max(1, held_out)
    drawn = _draw_chains(walker, {True: held_out, False: count - held_out}, limits, seed)
    if not drawn:
        raise _build_no_chain_error(walker, limits)
    return drawn


def _draw_chains(
    walker: "_ChainWalker", counts_by_side: Mapping[bool, int], limits: ChainLimits, seed: int
) -> list[ToolChain]:
    """Draws chains of one kind until every side has its number, or no pattern yields new ones."""
    walker.limits, missing = limits, dict(counts_by_side)
    drawn: dict[str, ToolChain] = {}
    mix = PatternMix(limits.patterns, PATIENCE)
    for attempt in range(sum(counts_by_side.values()) * ATTEMPTS_PER_CHAIN):
        pattern = mix.choose_pattern()
        if pattern is None and not drawn and (not limits.patterns or LINKED in limits.patterns):
            mix = PatternMix(
                {"independent": 1}, PATIENCE
            )  # no result feeds a call here: independent calls are better than none
            pattern = mix.choose_pattern()
        if pattern is None or not any(missing.values()):
            break
        chain = walker.try_to_draw(build_generator("chain", seed, attempt), pattern, attempt)
        if (
            chain is None
            or pattern not in (LINKED, chain.pattern)
            or chain.chain_id in drawn
            or missing.get(chain.held_out, 0) == 0
        ):
            mix.record_miss(pattern)
            continue
        drawn[chain.chain_id] = chain
        missing[chain.held_out] -= 1
        walker.count_chain(chain)
        mix.record_success(pattern)
    return list(drawn.values())


def _build_no_chain_error(walker: "_ChainWalker", limits: ChainLimits) -> ChainError:
    """Builds the error that says why no chain exists."""
    across = " across toolkits" if limits.must_cross else ""
    if limits.must_include:
        across += f" with {' or '.join(sorted(limits.must_include))}"
    failed = f"; draws failed: {summarise_reasons(walker.failed_draws)}" if walker.failed_draws else ""
    return ChainError(
        f"No chain of {limits.min_calls} to {limits.max_calls} calls{across} exists among {len(walker.tools)} tools: "
        f"{len(walker.start_tools)} of them need no id, and {sum(map(len, walker.edges.values()))} edges lead on; "
        f"add tools that list or create what the others need, or describe their results{failed}"
    )


def weigh_mentioned_tools(description: str, tools: Sequence[Tool]) -> dict[str, float]:
    """Weighs the tools that a description mentions, from 1 to 9, by the share of the words of their names in it.

    A verb of the tool's action doubles the gain. Tools that are not mentioned are left out.
    """
    description_words = {to_singular(word) for word in split_words(description)}
    weights = {}
    for tool in tools:
        name = parse_tool_name(tool.name)
        noun_share = sum(word in description_words for word in name.words) / len(name.words)
        has_verb = not description_words.isdisjoint(ACTIONS.get(name.action, name.verb).split())
        if noun_share:
            weights[tool.name] = 1 + 4 * noun_share + (4 * noun_share if has_verb else 0)
    return weights


def looks_into_new_thing(steps: Sequence[ChainStep]) -> bool:
    """Returns whether a chain needs something that is in a thing which it made just before and put nothing into: the
    files of a new folder, the attachments of a letter that was sent without any.
    """
    for index, step in enumerate(steps):
        parsed = parse_tool_name(step.tool)
        named = [binding for binding in step.bindings if is_id(binding.argument.rsplit("/", 1)[-1])]
        origins = {_find_origin(steps, binding) for binding in named}
        makers = {origin for origin in origins if parse_tool_name(steps[origin].tool).action not in READING_ACTIONS}
        actions = {parse_tool_name(steps[maker].tool).action for maker in makers}
        if parsed.action not in READING_ACTIONS or not actions or not actions <= {"create", "send"}:
            continue
        made = {to_canonical_noun(parse_tool_name(steps[maker].tool).noun) for maker in makers}
        is_filled = any(
            parse_tool_name(between.tool).action not in READING_ACTIONS
            and not _updates_one_of(made, between.tool)
            and any(binding.step in makers for binding in between.bindings)
            for between in steps[:index]
        )
        if is_filled:
            continue
        for later in steps[index + 1 :]:
            for binding in later.bindings:
                array = binding.result.rpartition("/*")[0]
                lists = [
                    part.rpartition("/")[2] for part in binding.result.split("/*")[:-1]
                ]  # the owners of files, too
                nouns = {to_singular(word) for name in lists for word in split_words(name)}
                is_what_is_listed = parsed.noun in nouns and names_several(step.tool) and not nouns & _INBORN_NOUNS
                if binding.step != index or not array or not (nouns & _PART_NOUNS or is_what_is_listed):
                    continue
                if "send" not in actions or "attachment" in nouns:  # what was sent is itself among what is listed
                    return True
    return False


def _updates_one_of(nouns: set[str], tool: str) -> bool:
    """Returns whether a tool changes a thing of these nouns itself, and puts nothing into it."""
    name = parse_tool_name(tool)
    return name.action == "update" and to_canonical_noun(name.noun) in nouns


def _find_origin(steps: Sequence[ChainStep], binding: Binding) -> int:
    """Returns the step that a thing comes from, before others only showed or changed it or repeated its id."""
    action = parse_tool_name(steps[binding.step].tool).action
    named = [earlier for earlier in steps[binding.step].bindings if is_id(earlier.argument.rsplit("/", 1)[-1])]
    if action not in (*READING_ACTIONS, "update") or "*" in binding.result or len(named) != 1:
        return binding.step
    return _find_origin(steps, named[0])


class _ChainWalker:
    """The tools and edges of a partition with what was drawn of them; draws one chain at a time."""

    def __init__(self, tools: Sequence[Tool], edges: Sequence[ToolEdge], limits: ChainLimits, past: Coverage):
        self.limits = limits
        self.failed_draws: list[RowFailure] = []
        self.coverage = Coverage()
        self.coverage.add_counts(past)
        self.past_coverage = past
        self.tools = {tool.name: tool for tool in tools}
        self.locks = [rule for tool in tools for rule in read_stated_rules(tool) if isinstance(rule, LockedAfter)]
        self.needed_ids = {tool.name: find_needed_ids(tool) for tool in tools}
        self.start_tools = [tool.name for tool in tools if not self.needed_ids[tool.name]]
        self.start_counts: Counter[str] = (
            Counter()
        )  # failed attempts count too, so that dead ends are drawn less and less
        self.request_counts: Counter[tuple[str, ...]] = Counter()  # draws of the same calls under `single_turn`
        self._option_weights: dict[tuple[tuple[str, ...], bool], dict[tuple[str, ...], float]] = {}
        self.edges: Mapping[tuple[str, str], list[ToolEdge]] = defaultdict(list)
        for edge in edges:
            self.edges[edge.source_tool, edge.target_tool].append(edge)
        self.join_pairs = [  # (a tool that needs no id, a tool of whose required ids it fills some but not all)
            (first, name)
            for name, needs in self.needed_ids.items()
            for first in self.start_tools
            if first != name and 0 < len(set(needs) & self._find_fillable_arguments((first,), name)) < len(needs)
        ]
        self.fan_out_pairs = [
            (first, name) for name in self.needed_ids for first in self.start_tools if self._can_fan_out(first, name)
        ]

    def count_chain(self, chain: ToolChain) -> None:
        self.coverage.count_chain(chain.steps, chain.pattern)

    def try_to_draw(self, rng: Random, pattern: str, attempt: int) -> ToolChain | None:
        """Draws a chain; None if there is none in this attempt, or if it failed, which is noted in `failed_draws`."""
        try:
            return self.draw_chain(rng, pattern)
        except Exception as error:
            self.failed_draws.append(
                explain_row_failure(f"{self.limits.kind}, draw {attempt} of pattern {pattern}", error)
            )
            return None

    def draw_chain(self, rng: Random, pattern: str) -> ToolChain | None:
        """Draws a chain that meets the limits; None if this attempt did not lead to one."""
        least = 1 if pattern == "single_call" else max(2, self.limits.min_calls)
        length = 1 if pattern == "single_call" else rng.randint(least, max(least, self.limits.max_calls))
        if self.limits.kind == "command":
            return self._draw_commands(length, rng)
        if self.limits.kind == "single_turn":
            steps = self._draw_single_turn(pattern, length, rng)
            if not steps or (self.limits.must_include and self.limits.must_include.isdisjoint(s.tool for s in steps)):
                return None
            return self._build_request(steps)
        if not self.start_tools:
            return None
        match pattern:
            case "parallel":
                steps = self._draw_parallel_calls(length, rng)
            case "fan_out":
                steps = self._draw_fan_out(length, rng)
            case "single_call" | "independent":
                steps = self._draw_independent_calls(length, rng)
            case "several_goals":
                steps = self._draw_several_goals(rng)
            case _:
                steps = self._draw_linked_calls(length, rng)
        toolkits = tuple(dict.fromkeys(self.tools[step.tool].toolkit for step in steps))
        if len(steps) < least:
            return None
        crosses = self.limits.must_cross and pattern != "single_call" and rng.random() < self.limits.crossing_share
        if crosses and len(toolkits) < 2:
            return None
        names = [step.tool for step in steps]
        if self.limits.must_include and self.limits.must_include.isdisjoint(names):
            return None
        if self.limits.kind == "no_suitable_tool" and not self._has_tool_of_other_action(names):
            return None
        if looks_into_new_thing(steps):
            return None
        if self.limits.kind == "ask_back" and not any(map(self._needs_user_facts, names)):
            return None
        return self._build_chain(steps)

    def _build_chain(self, steps: Sequence[ChainStep]) -> ToolChain:
        names = [step.tool for step in steps]
        return ToolChain(
            chain_id=derive_id("chain", self.limits.kind, *(f"{step.tool}{step.bindings}" for step in steps)),
            kind=self.limits.kind,
            pattern=classify_pattern(steps),
            toolkits=tuple(dict.fromkeys(self.tools[name].toolkit for name in names)),
            steps=tuple(steps),
            held_out=is_held_out(names, self.limits.test_share, self.limits.hold_out),
        )

    def _build_request(self, steps: Sequence[ChainStep]) -> ToolChain:
        """Builds the chain of one request. There are few such chains and many requests for each, so a chain is drawn as
        often as it takes, and each time is another one by its number; by that it is held out, unless functions are.
        """
        names = [step.tool for step in steps]
        self.request_counts[tuple(names)] += 1
        chain = self._build_chain(steps)
        chain_id = derive_id("request", chain.chain_id, self.request_counts[tuple(names)])
        held_out = is_held_out(
            names if self.limits.hold_out == "function" else [chain_id], self.limits.test_share, self.limits.hold_out
        )
        return msgspec.structs.replace(chain, chain_id=chain_id, held_out=held_out)

    def _draw_single_turn(self, pattern: str, length: int, rng: Random) -> list[ChainStep]:
        """Draws what one request asks for: a call, or several at once, either of spoken tools or of others."""
        spoken = [name for name in self.tools if name in self.limits.spoken_tools]
        others = [name for name in self.start_tools if name not in spoken and self.tools[name].returns is not None]
        candidates = [*spoken, *others]
        if not candidates:
            return []
        first = rng.choices(candidates, [self._weigh_tool(name, ()) for name in candidates])[0]
        if pattern == "single_call":
            return [ChainStep(tool=first, bindings=())]
        if first not in spoken:
            return self._draw_parallel_calls(length, rng, others) if len(others) > 1 else []
        rest = [name for name in spoken if name != first]
        if not rest:
            return []
        second = rng.choices(rest, [self._weigh_tool(name, ()) for name in rest])[0]
        return [ChainStep(tool=first, bindings=()), ChainStep(tool=second, bindings=(), together=True)]

    def _draw_commands(self, length: int, rng: Random) -> ToolChain | None:
        """Draws plain tools, each of which is asked for by itself: any of them can follow any other."""
        candidates = [name for name in self.tools if name in self.limits.plain_tools]
        steps: list[ChainStep] = []
        while candidates and len(steps) < length:
            name = rng.choices(candidates, [self._weigh_tool(name, ()) for name in candidates])[0]
            candidates.remove(name)
            steps.append(ChainStep(tool=name, bindings=()))
        has_included = not self.limits.must_include or any(step.tool in self.limits.must_include for step in steps)
        return self._build_chain(steps) if steps and has_included else None

    def _draw_independent_calls(self, length: int, rng: Random, among: Sequence[str] | None = None) -> list[ChainStep]:
        """Draws different tools that need no id, none of which undoes or repeats what another does."""
        steps: list[ChainStep] = []
        candidates = list(self.start_tools if among is None else among)
        while candidates and len(steps) < length:
            tool = rng.choices(candidates, [self._weigh_tool(name, ()) for name in candidates])[0]
            candidates.remove(tool)
            if self._is_sensible_call(tool, [step.tool for step in steps], paging=False):
                steps.append(ChainStep(tool=tool, bindings=()))
        return steps

    def _draw_parallel_calls(self, length: int, rng: Random, among: Sequence[str] | None = None) -> list[ChainStep]:
        """Draws calls of one message: of different tools, or of one tool with different arguments."""
        steps = self._draw_independent_calls(length, rng, among)
        if self._needs_user_facts(steps[0].tool) and not self.limits.must_cross and rng.random() < 0.5:
            steps = [steps[0]] * min(length, MAX_CALLS_AT_ONCE)
        return [msgspec.structs.replace(step, together=index > 0) for index, step in enumerate(steps)]

    def _draw_fan_out(self, length: int, rng: Random) -> list[ChainStep]:
        """Draws a listing, then one tool for several of the listed things, then another toolkit if both must occur."""
        if not self.fan_out_pairs:
            return []
        weights = [self._weigh_tool(first, ()) * self._weigh_tool(name, ()) for first, name in self.fan_out_pairs]
        first, name = rng.choices(self.fan_out_pairs, weights)[0]
        steps = [ChainStep(tool=first, bindings=())]
        bindings = self._bind_arguments(name, steps, rng)
        room = length - 1 - (1 if self.limits.must_cross else 0)
        for index in range(max(2, min(room, MAX_CALLS_AT_ONCE))):
            item = tuple(
                msgspec.structs.replace(binding, result=binding.result.replace("*", str(index), 1))
                for binding in bindings
            )
            steps.append(ChainStep(tool=name, bindings=item, together=index > 0))
        if self.limits.must_cross:
            used_toolkits = {self.tools[step.tool].toolkit for step in steps}
            candidates = [tool for tool in self.start_tools if self.tools[tool].toolkit not in used_toolkits]
            candidates = [
                tool for tool in candidates if self._is_sensible_call(tool, [step.tool for step in steps], paging=False)
            ]
            if candidates:
                weights = [self._weigh_tool(tool, ()) for tool in candidates]
                steps.append(ChainStep(tool=rng.choices(candidates, weights)[0], bindings=()))
        return steps

    def _draw_linked_calls(self, length: int, rng: Random) -> list[ChainStep]:
        """Draws a walk along edges, which ends early where no edge leads on."""
        first = rng.choices(self.start_tools, [self._weigh_start(name) for name in self.start_tools])[0]
        self.start_counts[first] += 1
        steps = [ChainStep(tool=first, bindings=())]
        while len(steps) < length:
            options = self._weigh_options(tuple(step.tool for step in steps), length - len(steps))
            if not options:
                break
            weights = [pull * self._weigh_tool(names[-1], steps) for names, pull in options.items()]
            for tool in rng.choices(list(options), weights)[0]:
                steps.append(ChainStep(tool=tool, bindings=self._bind_arguments(tool, steps, rng)))
        return steps

    def _draw_several_goals(self, rng: Random) -> list[ChainStep]:
        """Draws a walk for each goal, and a late call that returns to the first goal; empty if there are too few calls.

        A goal mostly begins in another toolkit than the goal before.
        """
        steps: list[ChainStep] = []
        fewest, most = self.limits.goals
        goal_count, last_goal_start = rng.randint(fewest, most), 0
        for goal in range(most):
            if goal >= goal_count and len(steps) >= ENOUGH_CALLS_OF_GOALS:
                break
            goal_start = len(steps)
            self._append_goal(steps, rng.randint(self.limits.min_calls, self.limits.max_calls), rng)
            if len(steps) < goal_start + 2:
                del steps[goal_start:]
                break
            last_goal_start = goal_start
            steps[goal_start:] = [msgspec.structs.replace(step, goal=goal) for step in steps[goal_start:]]
        if not last_goal_start or len(steps) < MIN_CALLS_OF_GOALS:
            return []
        # A late call that has no room is put in place of the last calls.
        for length in range(len(steps), max(last_goal_start + 2, MIN_CALLS_OF_GOALS) - 1, -1):
            if late := self._draw_late_call(steps[:length], rng):
                return [*steps[:length], msgspec.structs.replace(late, goal=steps[-1].goal)]
        return steps

    def _append_goal(self, steps: list[ChainStep], length: int, rng: Random) -> None:
        """Appends the calls of a goal: a walk that uses its own results only, or independent calls without edges."""
        goal_start = len(steps)
        goal_steps = slice(goal_start, None)
        previous_toolkit = next((self.tools[step.tool].toolkit for step in steps if step.goal == steps[-1].goal), "")
        while len(steps) < goal_start + length:
            names = [step.tool for step in steps]
            options = {
                name: min(sum(edge.weight for edge in best), 1.5) * self._weigh_tool(name, steps[goal_start:])
                for name in self.tools
                if (best := self._find_filling_edges(names, name, goal_steps))
                # Not a listing of an earlier goal, which might hold the same thing again.
                and not (name in names[:goal_start] and parse_tool_name(name).action == "list")
            }
            if not options:
                starts = [name for name in self.start_tools if self._is_sensible_call(name, names, False, goal_start)]
                starts = starts if all(not step.bindings for step in steps[goal_start:]) else []
                options = {
                    name: self._weigh_start(name) * (1 if self.tools[name].toolkit == previous_toolkit else 4)
                    for name in starts
                    if name not in names[goal_start:]
                }
            if not options:
                return
            name = rng.choices(list(options), list(options.values()))[0]
            steps.append(ChainStep(tool=name, bindings=self._bind_arguments(name, steps, rng, goal_steps)))

    def _draw_late_call(self, steps: Sequence[ChainStep], rng: Random) -> ChainStep | None:
        """Draws a call of an unused tool that takes a result of the first goal, preferably an id."""
        names, first = [step.tool for step in steps], slice(sum(step.goal == 0 for step in steps))
        options: dict[str, float] = {}
        for name in self.tools:
            if name not in names and (best := self._find_filling_edges(names, name, first)):
                pull = 4.0 if any(edge.kind == "id" for edge in best) else 0.5
                options[name] = pull * min(sum(edge.weight for edge in best), 1.5) * self._weigh_tool(name, steps)
        if not options:
            return None
        name = rng.choices(list(options), list(options.values()))[0]
        return ChainStep(tool=name, bindings=self._bind_arguments(name, steps, rng, first))

    def _weigh_preference(self, name: str) -> float:
        """Returns how many times as readily the limits ask for a tool."""
        return MUST_INCLUDE_PULL if name in self.limits.must_include else self.limits.tool_weights.get(name, 1.0)

    def _weigh_start(self, name: str) -> float:
        """Weighs a tool as the first of a walk: higher if walks began with it less often."""
        favour = self._weigh_preference(name)
        return favour * (
            (1 + self.start_counts[name] + self.past_coverage.tools[name]) ** -TOOL_PULL if self.limits.steered else 1.0
        )

    def _weigh_tool(self, name: str, steps: Sequence[ChainStep]) -> float:
        """Weighs a tool after these steps: higher if it, and the edges that lead to it, were drawn less often."""
        favour = self._weigh_preference(name)
        if not self.limits.steered:
            return favour
        sources = [step.tool for step in steps if (step.tool, name) in self.edges]
        return favour * self.coverage.weigh_scarcity(name, sources)

    def _weigh_options(self, earlier: tuple[str, ...], room: int) -> dict[tuple[str, ...], float]:
        """Maps the tools that can come next to weights: the sum of their edges, times 4 if they add a needed toolkit.

        A key is mostly one tool. If there is room for two calls, it may also be a tool that needs no id followed by one
        that joins its result with an earlier one.
        """
        if (earlier, room > 1) not in self._option_weights:
            used_toolkits = {self.tools[name].toolkit for name in earlier}
            following = {(name,): edges for name, edges in self._find_continuations(earlier).items()}
            if room > 1:
                following |= self._find_joins(earlier)
            self._option_weights[earlier, room > 1] = {
                names: min(sum(edge.weight for edge in edges), 1.5)
                * (4 if self.limits.must_cross and self.tools[names[-1]].toolkit not in used_toolkits else 1)
                for names, edges in following.items()
            }
        return self._option_weights[earlier, room > 1]

    def _find_joins(self, earlier: tuple[str, ...]) -> dict[tuple[str, ...], list[ToolEdge]]:
        """Finds pairs of tools that join results, with the edges into the second.

        The first tool needs no id. Of the ids that the second needs, earlier calls give some, and only the first the
        others.
        """
        joins: dict[tuple[str, ...], list[ToolEdge]] = {}
        for first, name in self.join_pairs:
            if (
                first in earlier
                or name in earlier
                or set(self.needed_ids[name]) <= self._find_fillable_arguments(earlier, name)
            ):
                continue
            best = self._find_filling_edges((*earlier, first), name)
            if best and self._is_sensible_call(first, earlier, paging=False):
                joins[first, name] = best
        return joins

    def _can_fan_out(self, first: str, name: str) -> bool:
        """Returns whether a tool can be called for each thing that `first` lists: it requires that thing's id only."""
        needs, parameters = self.needed_ids[name], self.tools[name].parameters
        required = resolve_schema(parameters, parameters).get("required", ())
        if len(needs) != 1 or len(required) != 1 or first == name or parse_tool_name(name).action == "list":
            return False
        into = [edge for edge in self.edges.get((first, name), ()) if edge.target_path == needs[0]]
        return bool(into) and all(edge.source_path.count("*") == 1 and edge.kind == "id" for edge in into)

    def _needs_user_facts(self, name: str) -> bool:
        """Returns whether the tool requires an argument that is not an id, so that only the user can say it."""
        parameters = self.tools[name].parameters
        ids = {path.split("/")[1] for path in self.needed_ids[name]}
        return any(argument not in ids for argument in resolve_schema(parameters, parameters).get("required", ()))

    def _has_tool_of_other_action(self, names: Sequence[str]) -> bool:
        """Returns whether some tool's action differs from those of all these tools, so that it cannot replace them."""
        actions = {parse_tool_name(name).action for name in names}
        return any(parse_tool_name(name).action not in actions for name in self.tools)

    def _takes_search_query(self, name: str) -> bool:
        """Returns whether the tool has a parameter for a search query."""
        parameters = self.tools[name].parameters
        return any(
            is_query(parameter, resolve_schema(schema, parameters))
            for parameter, schema in resolve_schema(parameters, parameters).get("properties", {}).items()
        )

    def _find_fillable_arguments(self, sources: Sequence[str], name: str) -> set[str]:
        """Returns the arguments of a tool that results of these tools can fill."""
        return {edge.target_path for source in sources for edge in self.edges.get((source, name), ())}

    def _find_continuations(self, earlier: Sequence[str]) -> dict[str, list[ToolEdge]]:
        """Finds the tools that can come next, each with the best edge into every argument that can be filled."""
        return {name: best for name in self.tools if (best := self._find_filling_edges(earlier, name))}

    def _find_filling_edges(self, earlier: Sequence[str], name: str, among: slice = ALL_STEPS) -> list[ToolEdge]:
        """Finds the best edge into each argument of a tool, from those of the earlier tools that are `among` the slice.

        Empty if the tool cannot come next: a required id is missing, or the call makes no sense.
        """
        paging, deleted = name in earlier[among], _find_deleted_nouns(earlier)
        best: dict[str, ToolEdge] = {}
        for source in dict.fromkeys(earlier[among]):
            for edge in self.edges.get((source, name), ()):
                if (edge.kind == "page") != paging or _uses_deleted_id(edge, deleted):
                    continue
                if edge.target_path not in best or best[edge.target_path].weight < edge.weight:
                    best[edge.target_path] = edge
        if not best or not all(path in best for path in self.needed_ids[name]):
            return []
        return list(best.values()) if self._is_sensible_call(name, earlier, paging, among.start or 0) else []

    def _is_sensible_call(self, name: str, earlier: Sequence[str], paging: bool, goal_start: int = 0) -> bool:
        """Returns whether a call of the tool makes sense after the earlier ones.

        Its subject must not be deleted or locked. A further page is asked for once, directly after its listing. Nothing
        is listed twice, and nothing deleted that was created. For another goal, which begins at `goal_start`, a tool
        may be called again if it can take other arguments.
        """
        if paging:
            return earlier[-1] == name and earlier[goal_start:].count(name) == 1
        parsed = parse_tool_name(name)
        anew = (
            self._needs_user_facts(name)
            or self._takes_search_query(name)
            or (self.needed_ids[name] and parsed.action in READING_ACTIONS)
        )
        if name in earlier[:goal_start] and not anew:
            return False
        past = [(parse_tool_name(tool).action, parse_tool_name(tool).noun) for tool in earlier]
        gone = to_canonical_noun(parsed.noun) in _find_deleted_nouns(earlier)
        pointless = (parsed.action == "list" and ("list", parsed.noun) in past[goal_start:]) or (
            parsed.action == "delete" and ("create", parsed.noun) in past
        )
        return not gone and not pointless and not self._is_locked_out(name, earlier)

    def _is_locked_out(self, name: str, earlier: Sequence[str]) -> bool:
        """Returns whether by a description an earlier call makes this one impossible: an invoice that was finalised
        takes no more items.
        """
        called = {(parsed.verb, parsed.noun) for parsed in map(parse_tool_name, earlier)}
        takes = {parse_resource_noun(path.rsplit("/", 1)[-1]) for path in self.needed_ids[name]}
        return any(
            (lock.verb, lock.noun) in called
            and lock.forbids_tool(parse_tool_name(name))
            and (lock.forbids == "change" or lock.noun in takes)
            for lock in self.locks
        )

    def _bind_arguments(
        self, name: str, steps: Sequence[ChainStep], rng: Random, among: slice = ALL_STEPS
    ) -> tuple[Binding, ...]:
        """Binds arguments of a tool to results of the steps `among` the slice.

        All required ids are bound, and the page token; beside them at most one optional argument.
        """
        by_argument: dict[str, list[tuple[float, int, ToolEdge]]] = defaultdict(list)
        paging = any(step.tool == name for step in steps[among])
        deleted = _find_deleted_nouns([step.tool for step in steps])
        for index, step in list(enumerate(steps))[among]:
            for edge in self.edges.get((step.tool, name), ()):
                if (edge.kind == "page") == paging and not _uses_deleted_id(edge, deleted):
                    by_argument[edge.target_path].append((edge.weight + index * 0.01, index, edge))
        sources = [{index for _, index, _ in by_argument[path]} for path in self.needed_ids[name]]
        common = set.intersection(*sources) if len(sources) > 1 else set()
        if common:  # one result that has all ids is used, so that they belong to the same thing
            for path in self.needed_ids[name]:
                by_argument[path] = [option for option in by_argument[path] if option[1] == max(common)]
        chosen = {path: self._choose_strongest(by_argument[path], rng) for path in self.needed_ids[name]}
        optional = {
            path: self._choose_strongest(options, rng) for path, options in by_argument.items() if path not in chosen
        }
        if optional and (not chosen or rng.random() < 0.3):
            strongest = sorted(optional, key=lambda path: -optional[path][0])
            reads = parse_tool_name(name).action in READING_ACTIONS
            path = strongest[0] if reads or rng.random() < 0.5 else rng.choice(strongest)
            chosen[path] = optional[path]
        return tuple(
            Binding(argument=path, step=index, result=edge.source_path, kind=edge.kind)
            for path, (_, index, edge) in chosen.items()
        )

    def _choose_strongest(
        self, options: Sequence[tuple[float, int, ToolEdge]], rng: Random
    ) -> tuple[float, int, ToolEdge]:
        """Chooses at random among the options whose weight is within 0.02 of the highest."""
        top = max(weight for weight, _, _ in options)
        return rng.choice([option for option in options if option[0] >= top - 0.02])


def _find_deleted_nouns(earlier: Sequence[str]) -> set[str]:
    """Returns the nouns that no longer exist after these calls: deleted things, and drafts that were sent."""
    parsed = map(parse_tool_name, earlier)
    return {
        to_canonical_noun(name.noun)
        for name in parsed
        if name.action == "delete" or (name.action == "send" and name.noun == "draft")
    }


def _uses_deleted_id(edge: ToolEdge, deleted: set[str]) -> bool:
    """Returns whether the edge fills in the id of something deleted: `parent_folder_id` after DELETE_FOLDER."""
    if not deleted or edge.kind != "id":
        return False
    return to_canonical_noun(parse_resource_noun(edge.target_path.rsplit("/", 1)[-1])).rpartition(" ")[2] in deleted
