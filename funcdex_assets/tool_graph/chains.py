"""Seeded walks over the tool graph: sequences of calls that use one another's results.

A walk begins with a tool that needs no id, and goes on only to tools whose required ids are all at
hand. It may begin anew in between, if the next call joins both. What was drawn less often so far
is drawn more (`coverage`), unless the draw is not steered. Where a conversation has several goals, each is a
walk of its own, and the last call of all goes back to a result of the first goal.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import msgspec

from funcdex_assets.catalog.json_schema import resolve
from funcdex_assets.catalog.names import ACTIONS, QUERY_WORDS, parse_tool_name, resource_noun, singular, words
from funcdex_assets.mix import CHAINS
from funcdex_assets.records import Binding, ChainStep, Kind, Tool, ToolChain, ToolEdge
from funcdex_assets.seeds import derive_id, derive_seed, generator
from funcdex_assets.semantics.vocabulary import READING_ACTIONS
from funcdex_assets.tool_graph.coverage import TOOL_PULL, Coverage
from funcdex_assets.tool_graph.graph import canonical, needed_ids
from funcdex_assets.tool_graph.hold_out import HoldOut, is_held_out
from funcdex_assets.tool_graph.patterns import AT_ONCE, LINKED, LOOSE, SEVERAL_GOALS, Mix, pattern_of

ATTEMPTS_PER_CHAIN = 200
PATIENCE = 800  # attempts in a row without a new chain: there are no more worth looking for
MUST_INCLUDE_PULL = 20.0
MOST_AT_ONCE = 3
FEWEST_OF_GOALS, ENOUGH_OF_GOALS = 6, 10  # calls of all goals together: at least, and until no further goal is needed
ALL = slice(None)


class ChainError(ValueError):
    """No chain can be drawn; the message says which tools and why."""


@dataclass(frozen=True)
class ChainLimits:
    """`test_share` of the chains serves the test split (which ones: `hold_out`); `must_cross` asks for two toolkits or
    more in a share `crossing` of the chains, `must_include` for one of these tools at least; a draw that is not
    `steered` does not look at what was drawn before. Tools in `favoured` are drawn so many times as readily. `patterns`
    are weights (see `patterns`); without them chains are linked as the graph offers, or independent calls where it
    offers nothing. Chains of several goals have at least and at most so many `goals`, and each goal has so many calls.
    """

    min_calls: int
    max_calls: int
    test_share: float
    must_cross: bool
    steered: bool = True
    must_include: frozenset[str] = frozenset()
    favoured: Mapping[str, float] = field(default_factory=dict)
    patterns: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = "multi_step"
    crossing: float = 1.0
    hold_out: HoldOut = "chain"
    goals: tuple[int, int] = (1, 1)

    def of_kind(self, kind: Kind) -> "ChainLimits":
        """What holds for the chains of one kind of conversations."""
        shape = CHAINS[kind]
        linked = {
            name: weight for name, weight in self.patterns.items() if name not in LOOSE | AT_ONCE | {SEVERAL_GOALS}
        }
        patterns: dict[str, float] = {}
        for name, weight in shape.patterns.items():
            if name == LINKED and linked:
                patterns |= {part: weight * share / sum(linked.values()) for part, share in linked.items()}
            else:
                patterns[name] = weight * self.patterns.get(name, 1 if not self.patterns or name == LINKED else 0)
        least = min(max(shape.least, self.min_calls if shape.least > 1 else 1), self.max_calls)
        return replace(
            self,
            kind=kind,
            min_calls=least,
            max_calls=max(least, min(self.max_calls, shape.most)),
            patterns=patterns if any(patterns.values()) else shape.patterns,
            goals=shape.goals,
        )


def sample_mix(
    tools: Sequence[Tool],
    edges: Sequence[ToolEdge],
    wanted: Mapping[tuple[Kind, bool], int],
    limits: ChainLimits,
    seed: int,
    past: Coverage | None = None,
) -> list[ToolChain]:
    """Up to so many chains of each kind and side (True: held out), fewer where there are fewer.

    Raises:
        ChainError: there is none of any kind.
    """
    walker = _Walker(tools, edges, limits, past or Coverage())
    drawn: list[ToolChain] = []
    kinds: dict[Kind, None] = dict.fromkeys(kind for kind, _ in wanted)
    for kind in kinds:
        sides = {side: count for (other, side), count in wanted.items() if other == kind}
        drawn += _draw(walker, sides, limits.of_kind(kind), derive_seed(seed, kind))
    if not drawn:
        raise _no_chain(walker, limits)
    return drawn


def sample_chains(
    tools: Sequence[Tool],
    edges: Sequence[ToolEdge],
    count: int,
    limits: ChainLimits,
    seed: int,
    past: Coverage | None = None,
) -> list[ToolChain]:
    """Up to `count` different chains, of which a `test_share` is held out; fewer when there are fewer.

    `past` is what earlier nights have drawn; it is not changed.

    Raises:
        ChainError: no tool can begin a chain, or none can continue one.
    """
    walker = _Walker(tools, edges, limits, past or Coverage())
    held_out = round(count * limits.test_share)
    if limits.test_share and count > 1:
        held_out = max(1, held_out)
    drawn = _draw(walker, {True: held_out, False: count - held_out}, limits, seed)
    if not drawn:
        raise _no_chain(walker, limits)
    return drawn


def _draw(walker: "_Walker", sides: Mapping[bool, int], limits: ChainLimits, seed: int) -> list[ToolChain]:
    walker.limits, wanted = limits, dict(sides)
    drawn: dict[str, ToolChain] = {}
    mix = Mix(limits.patterns, PATIENCE)
    for attempt in range(sum(sides.values()) * ATTEMPTS_PER_CHAIN):
        pattern = mix.wanted()
        if pattern is None and not drawn and (not limits.patterns or LINKED in limits.patterns):
            mix = Mix({"independent": 1}, PATIENCE)  # no result feeds a call here: errands are better than nothing
            pattern = mix.wanted()
        if pattern is None or not any(wanted.values()):
            break
        chain = walker.walk(generator("chain", seed, attempt), pattern)
        if (
            chain is None
            or pattern not in (LINKED, chain.pattern)
            or chain.chain_id in drawn
            or wanted.get(chain.held_out, 0) == 0
        ):
            mix.missed(pattern)
            continue
        drawn[chain.chain_id] = chain
        wanted[chain.held_out] -= 1
        walker.remember(chain)
        mix.found(pattern)
    return list(drawn.values())


def _no_chain(walker: "_Walker", limits: ChainLimits) -> ChainError:
    across = " across toolkits" if limits.must_cross else ""
    if limits.must_include:
        across += f" with {' or '.join(sorted(limits.must_include))}"
    return ChainError(
        f"No chain of {limits.min_calls} to {limits.max_calls} calls{across} exists among {len(walker.tools)} tools: "
        f"{len(walker.starts)} of them need no id, and {sum(map(len, walker.edges.values()))} edges lead on; "
        "add tools that list or create what the others need, or describe their results"
    )


def spoken_of(workflow: str, tools: Sequence[Tool]) -> dict[str, float]:
    """The tools that a description speaks of, with how much more they are drawn, 1 to 9 times: by the share of the
    words of their names that it has. A tool that it does not speak of is not in it.
    """
    told = {singular(word) for word in words(workflow)}
    favoured = {}
    for tool in tools:
        name = parse_tool_name(tool.name)
        of_noun = sum(word in told for word in name.words) / len(name.words)
        of_verb = not told.isdisjoint(ACTIONS.get(name.action, name.verb).split())
        if of_noun:
            favoured[tool.name] = 1 + 4 * of_noun + 4 * of_verb * of_noun
    return favoured


class _Walker:
    def __init__(self, tools: Sequence[Tool], edges: Sequence[ToolEdge], limits: ChainLimits, past: Coverage):
        self.limits = limits
        self.coverage = Coverage()
        self.coverage.add(past)
        self.past = past
        self.tools = {tool.name: tool for tool in tools}
        self.needs = {tool.name: needed_ids(tool) for tool in tools}
        self.starts = [tool.name for tool in tools if not self.needs[tool.name]]
        self.begun: Counter[str] = Counter()  # also in vain, so that dead ends are not tried for ever
        self._known_options: dict[tuple[tuple[str, ...], bool], dict[tuple[str, ...], float]] = {}
        self.edges: Mapping[tuple[str, str], list[ToolEdge]] = defaultdict(list)
        for edge in edges:
            self.edges[edge.source_tool, edge.target_tool].append(edge)
        self.pairs = [  # a tool that needs no id, and one of whose needs it fills some, not all
            (first, name)
            for name, needs in self.needs.items()
            for first in self.starts
            if first != name and 0 < len(set(needs) & self._filled((first,), name)) < len(needs)
        ]
        self.fans = [(first, name) for name in self.needs for first in self.starts if self._fans_out(first, name)]

    def remember(self, chain: ToolChain) -> None:
        self.coverage.count(chain.steps, chain.pattern)

    def walk(self, rng: Random, pattern: str) -> ToolChain | None:
        least = 1 if pattern == "single_call" else max(2, self.limits.min_calls)
        length = 1 if pattern == "single_call" else rng.randint(least, max(least, self.limits.max_calls))
        if not self.starts:
            return None
        match pattern:
            case "parallel":
                steps = self._at_once(length, rng)
            case "fan_out":
                steps = self._fan_out(length, rng)
            case "single_call" | "independent":
                steps = self._errands(length, rng)
            case "several_goals":
                steps = self._goals(rng)
            case _:
                steps = self._linked(length, rng)
        toolkits = tuple(dict.fromkeys(self.tools[step.tool].toolkit for step in steps))
        if len(steps) < least:
            return None
        crosses = self.limits.must_cross and pattern != "single_call" and rng.random() < self.limits.crossing
        if crosses and len(toolkits) < 2:
            return None
        names = [step.tool for step in steps]
        if self.limits.must_include and self.limits.must_include.isdisjoint(names):
            return None
        if self.limits.kind == "no_suitable_tool" and not self._has_others(names):
            return None
        if self.limits.kind == "ask_back" and not any(self._needs_facts(n) or self._searches(n) for n in names):
            return None
        return ToolChain(
            chain_id=derive_id("chain", self.limits.kind, *(f"{step.tool}{step.bindings}" for step in steps)),
            kind=self.limits.kind,
            pattern=pattern_of(steps),
            toolkits=toolkits,
            steps=tuple(steps),
            held_out=is_held_out(names, self.limits.test_share, self.limits.hold_out),
        )

    def _errands(self, length: int, rng: Random) -> list[ChainStep]:
        """Different tools that need no id, none of which undoes or repeats what another does."""
        steps: list[ChainStep] = []
        left = list(self.starts)
        while left and len(steps) < length:
            tool = rng.choices(left, [self._scarcity(name, ()) for name in left])[0]
            left.remove(tool)
            if self._sensible(tool, [step.tool for step in steps], paging=False):
                steps.append(ChainStep(tool=tool, bindings=()))
        return steps

    def _at_once(self, length: int, rng: Random) -> list[ChainStep]:
        """Calls of one message: of different tools, or of one tool about different things."""
        steps = self._errands(length, rng)
        if self._needs_facts(steps[0].tool) and not self.limits.must_cross and rng.random() < 0.5:
            steps = [steps[0]] * min(length, MOST_AT_ONCE)
        return [msgspec.structs.replace(step, together=index > 0) for index, step in enumerate(steps)]

    def _fan_out(self, length: int, rng: Random) -> list[ChainStep]:
        """A listing, then one tool for several of the things found; in a bundle, an errand elsewhere after them."""
        if not self.fans:
            return []
        weights = [self._scarcity(first, ()) * self._scarcity(name, ()) for first, name in self.fans]
        first, name = rng.choices(self.fans, weights)[0]
        steps = [ChainStep(tool=first, bindings=())]
        bindings = self._bind(name, steps, rng)
        room = length - 1 - self.limits.must_cross
        for index in range(max(2, min(room, MOST_AT_ONCE))):
            item = tuple(
                msgspec.structs.replace(one, result=one.result.replace("*", str(index), 1)) for one in bindings
            )
            steps.append(ChainStep(tool=name, bindings=item, together=index > 0))
        if self.limits.must_cross:
            known = {self.tools[step.tool].toolkit for step in steps}
            others = [other for other in self.starts if self.tools[other].toolkit not in known]
            others = [other for other in others if self._sensible(other, [step.tool for step in steps], paging=False)]
            if others:
                weights = [self._scarcity(other, ()) for other in others]
                steps.append(ChainStep(tool=rng.choices(others, weights)[0], bindings=()))
        return steps

    def _linked(self, length: int, rng: Random) -> list[ChainStep]:
        first = rng.choices(self.starts, [self._scarcity_of_start(name) for name in self.starts])[0]
        self.begun[first] += 1
        steps = [ChainStep(tool=first, bindings=())]
        while len(steps) < length:
            options = self._options(tuple(step.tool for step in steps), length - len(steps))
            if not options:
                break
            weights = [pull * self._scarcity(names[-1], steps) for names, pull in options.items()]
            for tool in rng.choices(list(options), weights)[0]:
                steps.append(ChainStep(tool=tool, bindings=self._bind(tool, steps, rng)))
        return steps

    def _goals(self, rng: Random) -> list[ChainStep]:
        """A walk for each goal, mostly beginning in another toolkit than the one before, and a late call; none where
        there are too few calls.
        """
        steps: list[ChainStep] = []
        fewest, most = self.limits.goals
        wanted, begun = rng.randint(fewest, most), 0
        for goal in range(most):
            if goal >= wanted and len(steps) >= ENOUGH_OF_GOALS:
                break
            before = len(steps)
            self._walk_goal(steps, rng.randint(self.limits.min_calls, self.limits.max_calls), rng)
            if len(steps) < before + 2:
                del steps[before:]
                break
            begun = before
            steps[before:] = [msgspec.structs.replace(step, goal=goal) for step in steps[before:]]
        if not begun or len(steps) < FEWEST_OF_GOALS:
            return []
        for length in range(len(steps), max(begun + 2, FEWEST_OF_GOALS) - 1, -1):  # rather than the last calls
            if late := self._late(steps[:length], rng):
                return [*steps[:length], msgspec.structs.replace(late, goal=steps[-1].goal)]
        return steps

    def _walk_goal(self, steps: list[ChainStep], length: int, rng: Random) -> None:
        """Adds a walk that lives on its own results; where the graph has none, errands."""
        begun = len(steps)
        own = slice(begun, None)
        before = next((self.tools[step.tool].toolkit for step in steps if step.goal == steps[-1].goal), "")
        while len(steps) < begun + length:
            names = [step.tool for step in steps]
            options = {
                name: min(sum(edge.weight for edge in best), 1.5) * self._scarcity(name, steps[begun:])
                for name in self.tools
                if (best := self._filling(names, name, own))
                and not (name in names[:begun] and parse_tool_name(name).action == "list")  # it might be found again
            }
            if not options:
                starts = [name for name in self.starts if self._sensible(name, names, False, begun)]
                starts = starts if all(not step.bindings for step in steps[begun:]) else []
                options = {
                    name: self._scarcity_of_start(name) * (1 if self.tools[name].toolkit == before else 4)
                    for name in starts
                    if name not in names[begun:]
                }
            if not options:
                return
            name = rng.choices(list(options), list(options.values()))[0]
            steps.append(ChainStep(tool=name, bindings=self._bind(name, steps, rng, own)))

    def _late(self, steps: Sequence[ChainStep], rng: Random) -> ChainStep | None:
        """A call of another tool that lives on results of the first goal, rather by an id."""
        names, first = [step.tool for step in steps], slice(sum(step.goal == 0 for step in steps))
        options: dict[str, float] = {}
        for name in self.tools:
            if name not in names and (best := self._filling(names, name, first)):
                pull = 4.0 if any(edge.kind == "id" for edge in best) else 0.5
                options[name] = pull * min(sum(edge.weight for edge in best), 1.5) * self._scarcity(name, steps)
        if not options:
            return None
        name = rng.choices(list(options), list(options.values()))[0]
        return ChainStep(tool=name, bindings=self._bind(name, steps, rng, first))

    def _favour(self, name: str) -> float:
        return MUST_INCLUDE_PULL if name in self.limits.must_include else self.limits.favoured.get(name, 1.0)

    def _scarcity_of_start(self, name: str) -> float:
        favour = self._favour(name)
        return favour * ((1 + self.begun[name] + self.past.tools[name]) ** -TOOL_PULL if self.limits.steered else 1.0)

    def _scarcity(self, name: str, steps: Sequence[ChainStep]) -> float:
        favour = self._favour(name)
        if not self.limits.steered:
            return favour
        sources = [step.tool for step in steps if (step.tool, name) in self.edges]
        return favour * self.coverage.scarcity(name, sources)

    def _options(self, earlier: tuple[str, ...], room: int) -> dict[tuple[str, ...], float]:
        """What can come next, with how strongly it asks to: by its edges, and by its toolkit where one is
        missing. Mostly a tool; where there is room for two, also a tool that begins anew followed by one that
        joins its result with an earlier one.
        """
        if (earlier, room > 1) not in self._known_options:
            seen = {self.tools[name].toolkit for name in earlier}
            following = {(name,): edges for name, edges in self._continuations(earlier).items()}
            if room > 1:
                following |= self._joins(earlier)
            self._known_options[earlier, room > 1] = {
                names: min(sum(edge.weight for edge in edges), 1.5)
                * (4 if self.limits.must_cross and self.tools[names[-1]].toolkit not in seen else 1)
                for names, edges in following.items()
            }
        return self._known_options[earlier, room > 1]

    def _joins(self, earlier: tuple[str, ...]) -> dict[tuple[str, ...], list[ToolEdge]]:
        """(a tool that needs no id, a tool with one need that only it fills and one that only earlier ones do)."""
        joins: dict[tuple[str, ...], list[ToolEdge]] = {}
        for first, name in self.pairs:
            if first in earlier or name in earlier or set(self.needs[name]) <= self._filled(earlier, name):
                continue
            best = self._filling((*earlier, first), name)
            if best and self._sensible(first, earlier, paging=False):
                joins[first, name] = best
        return joins

    def _fans_out(self, first: str, name: str) -> bool:
        """Whether a tool can be called for each thing that a listing found: it needs that thing's id only."""
        needs, parameters = self.needs[name], self.tools[name].parameters
        required = resolve(parameters, parameters).get("required", ())
        if len(needs) != 1 or len(required) != 1 or first == name or parse_tool_name(name).action == "list":
            return False
        into = [edge for edge in self.edges.get((first, name), ()) if edge.target_path == needs[0]]
        return bool(into) and all(edge.source_path.count("*") == 1 and edge.kind == "id" for edge in into)

    def _needs_facts(self, name: str) -> bool:
        """Whether the tool requires what only the user can tell."""
        parameters = self.tools[name].parameters
        ids = {path.split("/")[1] for path in self.needs[name]}
        return any(part not in ids for part in resolve(parameters, parameters).get("required", ()))

    def _has_others(self, names: Sequence[str]) -> bool:
        """Whether there are tools that could not be taken for these: they do something else."""
        actions = {parse_tool_name(name).action for name in names}
        return any(parse_tool_name(name).action not in actions for name in self.tools)

    def _searches(self, name: str) -> bool:
        parameters = self.tools[name].parameters
        return any(
            not QUERY_WORDS.isdisjoint(words(part)) for part in resolve(parameters, parameters).get("properties", ())
        )

    def _filled(self, sources: Sequence[str], name: str) -> set[str]:
        """The arguments of a tool that results of these tools can fill."""
        return {edge.target_path for source in sources for edge in self.edges.get((source, name), ())}

    def _continuations(self, earlier: Sequence[str]) -> dict[str, list[ToolEdge]]:
        """Tools that can come next, each with the best edge into every argument that can be filled."""
        return {name: best for name in self.tools if (best := self._filling(earlier, name))}

    def _filling(self, earlier: Sequence[str], name: str, among: slice = ALL) -> list[ToolEdge]:
        """The best edges into this tool from earlier ones, of which only these are looked `among`; none if it cannot
        come next.
        """
        paging, deleted = name in earlier[among], _deleted(earlier)
        best: dict[str, ToolEdge] = {}
        for source in dict.fromkeys(earlier[among]):
            for edge in self.edges.get((source, name), ()):
                if (edge.kind == "page") != paging or _is_gone(edge, deleted):
                    continue
                if edge.target_path not in best or best[edge.target_path].weight < edge.weight:
                    best[edge.target_path] = edge
        if not best or not all(path in best for path in self.needs[name]):
            return []
        return list(best.values()) if self._sensible(name, earlier, paging, among.start or 0) else []

    def _sensible(self, name: str, earlier: Sequence[str], paging: bool, begun: int = 0) -> bool:
        """Not about what is gone, not a page of anything but the last listing, at most one page; for another goal the
        same may be done again if it is done with something else.
        """
        if paging:
            return earlier[-1] == name and earlier[begun:].count(name) == 1
        parsed = parse_tool_name(name)
        anew = (
            self._needs_facts(name) or self._searches(name) or (self.needs[name] and parsed.action in READING_ACTIONS)
        )
        if name in earlier[:begun] and not anew:
            return False
        past = [(parse_tool_name(other).action, parse_tool_name(other).noun) for other in earlier]
        gone = canonical(parsed.noun) in _deleted(earlier)
        pointless = (parsed.action == "list" and ("list", parsed.noun) in past[begun:]) or (
            parsed.action == "delete" and ("create", parsed.noun) in past
        )
        return not gone and not pointless

    def _bind(self, name: str, steps: Sequence[ChainStep], rng: Random, among: slice = ALL) -> tuple[Binding, ...]:
        """Every needed id, the page token, and otherwise at most one further argument, from results of these steps."""
        by_argument: dict[str, list[tuple[float, int, ToolEdge]]] = defaultdict(list)
        paging = any(step.tool == name for step in steps[among])
        deleted = _deleted([step.tool for step in steps])
        for index, step in list(enumerate(steps))[among]:
            for edge in self.edges.get((step.tool, name), ()):
                if (edge.kind == "page") == paging and not _is_gone(edge, deleted):
                    by_argument[edge.target_path].append((edge.weight + index * 0.01, index, edge))
        known = [{index for _, index, _ in by_argument[path]} for path in self.needs[name]]
        if len(known) > 1 and (whole := set.intersection(*known)):  # what one result tells belongs together
            for path in self.needs[name]:
                by_argument[path] = [option for option in by_argument[path] if option[1] == max(whole)]
        chosen = {path: self._best(by_argument[path], rng) for path in self.needs[name]}
        optional = {path: self._best(options, rng) for path, options in by_argument.items() if path not in chosen}
        if optional and (not chosen or rng.random() < 0.3):
            strongest = sorted(optional, key=lambda path: -optional[path][0])
            reads = parse_tool_name(name).action in READING_ACTIONS
            path = strongest[0] if reads or rng.random() < 0.5 else rng.choice(strongest)
            chosen[path] = optional[path]
        return tuple(
            Binding(argument=path, step=index, result=edge.source_path, kind=edge.kind)
            for path, (_, index, edge) in chosen.items()
        )

    def _best(self, options: Sequence[tuple[float, int, ToolEdge]], rng: Random) -> tuple[float, int, ToolEdge]:
        top = max(weight for weight, _, _ in options)
        return rng.choice([option for option in options if option[0] >= top - 0.02])


def _deleted(earlier: Sequence[str]) -> set[str]:
    """Nouns of what no longer exists after these calls: a draft that was sent is no draft any more."""
    parsed = map(parse_tool_name, earlier)
    return {
        canonical(name.noun)
        for name in parsed
        if name.action == "delete" or (name.action == "send" and name.noun == "draft")
    }


def _is_gone(edge: ToolEdge, deleted: set[str]) -> bool:
    """Whether the edge fills in the id of something deleted: `parent_folder_id` after DELETE_FOLDER."""
    if not deleted or edge.kind != "id":
        return False
    return canonical(resource_noun(edge.target_path.rsplit("/", 1)[-1])).rpartition(" ")[2] in deleted
