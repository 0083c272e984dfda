"""Chains: every call after the first lives on an earlier result, and the draw is fair, seeded and finite."""

import subprocess
import sys
from collections import Counter

import pytest
from offline import MAX_CALLS, MIN_CALLS, PARTITIONS, chains_of, tools_of
from waiting import at_most_cpu_seconds

from funcdex_assets.records.tool import Binding, ChainStep, Tool, ToolChain
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.tool_graph.chains import (
    ChainError,
    ChainLimits,
    is_held_out,
    looks_into_new_thing,
    sample_chains,
    weigh_mentioned_tools,
)
from funcdex_assets.tool_graph.graph import build_graph, find_needed_ids, to_canonical_noun
from funcdex_assets.tool_graph.patterns import classify_pattern

COUNT, SEED, TEST_SHARE = 100, 42, 0.19
TEXT = {"type": "string"}
every_partition = pytest.mark.parametrize("partition", PARTITIONS)


def tool(name: str, *takes: str, toolkit: str = "acme", optional: tuple[str, ...] = (), **gives: object) -> Tool:
    """`takes` are required texts; `gives` are the properties of the result."""
    return Tool(
        toolkit=toolkit,
        name=name,
        description="d",
        parameters={
            "type": "object",
            "properties": dict.fromkeys((*takes, *optional), TEXT),
            "required": list(takes),
        },
        returns={"type": "object", "properties": gives or {"ok": {"type": "boolean"}}},
        source="test",
    )


def many(**properties: object) -> dict:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


LIST = tool("LIST_TASKS", tasks=many(id=TEXT))
GET = tool("GET_TASK", "task_id")
UPDATE = tool("UPDATE_TASK", "task_id")
DELETE = tool("DELETE_TASK", "task_id")
LIMITS = ChainLimits(min_calls=2, max_calls=5, test_share=0, must_cross=False)


def draw(*tools: Tool, count: int = 60, limits: ChainLimits = LIMITS, seed: int = SEED) -> list[ToolChain]:
    return sample_chains(tools, build_graph(tools), count, limits, seed)


def names(chain: ToolChain) -> tuple[str, ...]:
    return tuple(step.tool for step in chain.steps)


def drawn(*tools: Tool, **options: object) -> set[tuple[str, ...]]:
    return {names(chain) for chain in draw(*tools, **options)}  # type: ignore[arg-type]


# ── every chain of every partition ────────────────────────────────────────────────────────────


@every_partition
def test_as_many_as_wanted_and_no_two_alike(partition):
    chains = chains_of(partition, COUNT, SEED)
    assert len(chains) == COUNT
    assert len({chain.chain_id for chain in chains}) == len({chain.steps for chain in chains}) == COUNT


@every_partition
def test_lengths_are_in_range_and_vary(partition):
    lengths = Counter(len(chain.steps) for chain in chains_of(partition, COUNT, SEED))
    assert min(lengths) >= MIN_CALLS
    assert max(lengths) <= MAX_CALLS
    assert len(lengths) >= 3


@every_partition
def test_every_later_step_is_linked_and_every_binding_follows_an_edge(partition):
    """A step that begins anew is joined: the next one uses its result together with an earlier one."""
    edges = {
        (edge.source_tool, edge.source_path, edge.target_tool, edge.target_path, edge.kind)
        for edge in build_graph(list(tools_of(partition).values()))
    }
    for chain in chains_of(partition, COUNT, SEED):
        assert chain.steps[0].bindings == ()
        for index, step in enumerate(chain.steps[1:], 1):
            if not step.bindings:
                joined = {binding.step for binding in chain.steps[index + 1].bindings}
                assert chain.pattern == "join"
                assert index in joined
                assert joined & set(range(index))
            for binding in step.bindings:
                assert binding.step < index
                source = chain.steps[binding.step].tool
                assert (source, binding.result, step.tool, binding.argument, binding.kind) in edges


@every_partition
def test_required_ids_are_bound_and_no_argument_twice(partition):
    for chain in chains_of(partition, COUNT, SEED):
        for step in chain.steps:
            bound = [binding.argument for binding in step.bindings]
            assert set(find_needed_ids(tools_of(partition)[step.tool])) <= set(bound)
            assert len(bound) == len(set(bound))


@every_partition
def test_nothing_happens_to_what_is_gone(partition):
    for chain in chains_of(partition, COUNT, SEED):
        gone: set[tuple[int, str]] = set()
        for step in chain.steps:
            assert gone.isdisjoint((binding.step, binding.result) for binding in step.bindings)
            parsed = parse_tool_name(step.tool)
            if parsed.action == "delete":
                gone |= {
                    (binding.step, binding.result)
                    for binding in step.bindings
                    if binding.kind == "id" and to_canonical_noun(parsed.noun) in to_canonical_noun(binding.argument)
                }


@every_partition
def test_a_tool_comes_again_only_for_its_next_page(partition):
    for chain in chains_of(partition, COUNT, SEED):
        called = names(chain)
        for index, step in enumerate(chain.steps):
            if step.tool in called[:index]:
                assert called[:index].count(step.tool) == 1
                assert called[index - 1] == step.tool
                assert [binding.kind for binding in step.bindings] == ["page"]
                assert is_page_token(step.bindings[0].argument.rpartition("/")[2])


@every_partition
def test_toolkits_are_those_of_the_steps_and_bundles_cross(partition):
    for chain in chains_of(partition, COUNT, SEED):
        assert chain.toolkits == tuple(dict.fromkeys(tools_of(partition)[step.tool].toolkit for step in chain.steps))
        assert len(chain.toolkits) >= (2 if "_" in partition else 1)


# A call must use a result of the chain that it is in, so a second beginning never joins one: no listing of
# labels after a listing of messages, and hence nothing that needs both.
NEVER_DRAWN = {
    "whatsapp": {"CREATE_MESSAGE_TEMPLATE"},
}


@every_partition
def test_all_tools_take_part(partition):
    used = {name for chain in chains_of(partition, COUNT, SEED) for name in names(chain)}
    if "_" in partition:  # too many for a hundred chains
        assert len(used) >= 0.75 * len(tools_of(partition))
    else:
        assert set(tools_of(partition)) - used <= NEVER_DRAWN.get(partition, set())


# ── the split ─────────────────────────────────────────────────────────────────────────────────


@every_partition
def test_the_test_share_is_kept(partition):
    held_out = sum(chain.held_out for chain in chains_of(partition, COUNT, SEED))
    assert held_out == round(COUNT * TEST_SHARE)


@every_partition
def test_the_side_follows_from_the_tools_alone(partition):
    for chain in chains_of(partition, COUNT, SEED) + chains_of(partition, COUNT, SEED + 1):
        assert chain.held_out == is_held_out(names(chain), TEST_SHARE)


def test_chains_of_the_same_tools_are_on_the_same_side_beside_other_tools():
    limits = ChainLimits(2, 3, TEST_SHARE, must_cross=False)
    alone, beside = (
        {names(chain): chain.held_out for chain in draw(*tools_of(partition).values(), count=400, limits=limits)}
        for partition in ("gmail", "jira_gmail")
    )
    common = alone.keys() & beside.keys()
    assert {alone[chain] for chain in common} == {True, False}
    assert [chain for chain in common if alone[chain] != beside[chain]] == []


@pytest.mark.parametrize(
    ("share", "held_out"),
    [
        pytest.param(0.0, 0, id="nothing is held out"),
        pytest.param(0.01, 1, id="one at least"),
        pytest.param(0.5, 20, id="half"),
        pytest.param(1.0, 40, id="everything"),
    ],
)
def test_the_share_can_be_chosen(share, held_out):
    limits = ChainLimits(MIN_CALLS, MAX_CALLS, share, must_cross=False)
    chains = draw(*tools_of("gmail").values(), count=40, limits=limits)
    assert Counter(chain.held_out for chain in chains)[True] == held_out
    assert len(chains) == 40


def test_sides_are_spread_as_the_share_says_and_grow_with_it():
    chains = [("A", f"B{number}") for number in range(4000)]
    fifth, half = ({chain for chain in chains if is_held_out(chain, share)} for share in (0.2, 0.5))
    assert 700 < len(fifth) < 900
    assert 1850 < len(half) < 2150
    assert fifth < half


def test_the_order_of_the_tools_counts_for_the_side():
    pairs = [(f"A{number}", f"B{number}") for number in range(50)]
    assert any(is_held_out(pair, 0.5) != is_held_out(pair[::-1], 0.5) for pair in pairs)


# ── the draw ──────────────────────────────────────────────────────────────────────────────────

SHOW = """
from funcdex_assets.catalog.load import load_tools
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.tool_graph.chains import ChainLimits, sample_chains
from funcdex_assets.tool_graph.graph import build_graph
from pathlib import Path
tools = load_tools(load_settings(Path("funcdex.yaml")).find_tool_files("gmail_googlecalendar"))
chains = sample_chains(tools, build_graph(tools), 20, ChainLimits(2, 6, 0.19, must_cross=True), 42)
print(chains)
"""


@pytest.mark.concurrent
def test_the_same_seed_draws_the_same_chains_in_another_process(pytestconfig):
    tools = list(tools_of("gmail_googlecalendar").values())
    here = sample_chains(tools, build_graph(tools), 20, ChainLimits(2, 6, 0.19, must_cross=True), 42)
    there = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=pytestconfig.rootpath,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == f"{here}\n"


def test_another_seed_draws_other_chains():
    one, other = ({chain.steps for chain in chains_of("gmail", 30, seed)} for seed in (1, 2))
    assert len(one & other) < 15


MORNING = "Every morning I label what is urgent, and forward some messages to a colleague."


def test_tools_that_a_workflow_speaks_of_are_drawn_more():
    tools = list(tools_of("gmail").values())
    favoured = weigh_mentioned_tools(MORNING, tools)
    assert favoured["FORWARD_MESSAGE"] > favoured["FETCH_MESSAGE_BY_THREAD_ID"] > 1  # verb and noun; the noun
    assert "LIST_DRAFTS" not in favoured
    used = {}
    for given in ({}, favoured):
        limits = ChainLimits(2, 4, 0, must_cross=False, tool_weights=given)
        chains = sample_chains(tools, build_graph(tools), 60, limits, SEED)
        used[bool(given)] = Counter(name for chain in chains for name in names(chain))
    for name in ("ADD_LABEL_TO_EMAIL", "FORWARD_MESSAGE"):
        assert used[True][name] > used[False][name]


def test_without_a_workflow_nothing_is_favoured():
    assert weigh_mentioned_tools("", list(tools_of("gmail").values())) == {}


def test_every_chain_has_one_of_the_tools_that_must_be_in_it():
    wanted = frozenset({"SEND_DRAFT", "DELETE_DRAFT"})
    limits = ChainLimits(2, 5, TEST_SHARE, must_cross=False, must_include=wanted)
    chains = draw(*tools_of("gmail").values(), count=40, limits=limits)
    assert len(chains) >= 30
    assert all(wanted & set(names(chain)) for chain in chains)


def test_a_tool_that_cannot_be_reached_cannot_be_included():
    limits = ChainLimits(2, 5, 0, must_cross=False, must_include=frozenset({"LOST"}))
    with pytest.raises(ChainError, match="No chain of 2 to 5 calls with LOST exists"):
        draw(LIST, GET, tool("LOST", "walrus_id"), limits=limits)


def test_a_chain_is_named_after_its_steps_whatever_the_seed():
    by_id: dict[str, set] = {}
    for seed in range(4):
        for chain in draw(LIST, GET, UPDATE, DELETE, seed=seed):
            by_id.setdefault(chain.chain_id, set()).add(chain.steps)
    assert len(by_id) > 3
    assert all(len(steps) == 1 for steps in by_id.values())


def test_small_tools_give_all_their_chains_and_no_others():
    assert drawn(LIST, GET, DELETE) == {
        ("LIST_TASKS", "GET_TASK"),
        ("LIST_TASKS", "DELETE_TASK"),
        ("LIST_TASKS", "GET_TASK", "DELETE_TASK"),
    }


@pytest.mark.parametrize(
    ("tools", "possible", "nonsense"),
    [
        pytest.param(
            (LIST, UPDATE, DELETE),
            ("LIST_TASKS", "UPDATE_TASK", "DELETE_TASK"),
            ("LIST_TASKS", "DELETE_TASK", "UPDATE_TASK"),
            id="nothing after its deletion",
        ),
        pytest.param(
            (
                tool("LIST_EMAILS", emails=many(id=TEXT)),
                tool("TRASH_EMAIL", "message_id"),
                tool("FORWARD_MESSAGE", "message_id"),
            ),
            ("LIST_EMAILS", "FORWARD_MESSAGE", "TRASH_EMAIL"),
            ("LIST_EMAILS", "TRASH_EMAIL", "FORWARD_MESSAGE"),
            id="also under another name",
        ),
        pytest.param(
            (LIST, tool("CLOSE_TASK", "id"), tool("DELETE_TASK", "id")),
            ("LIST_TASKS", "CLOSE_TASK", "DELETE_TASK"),
            ("LIST_TASKS", "DELETE_TASK", "CLOSE_TASK"),
            id="also where the id does not say whose it is",
        ),
        pytest.param(
            (
                tool("LIST_FOLDERS", folders=many(id=TEXT)),
                tool("DELETE_FOLDER", "folder_id"),
                tool("ADD_FILE", "content", optional=("parent_folder_id",)),
            ),
            ("LIST_FOLDERS", "ADD_FILE", "DELETE_FOLDER"),
            ("LIST_FOLDERS", "DELETE_FOLDER", "ADD_FILE"),
            id="also where the id is optional",
        ),
        pytest.param(
            (LIST, tool("CREATE_TASK", "note", id=TEXT), UPDATE, DELETE),
            ("CREATE_TASK", "UPDATE_TASK"),
            ("CREATE_TASK", "DELETE_TASK"),
            id="nothing is made to be deleted",
        ),
        pytest.param(
            (LIST, GET, tool("SEARCH_TASKS", "query", tasks=many(id=TEXT, title=TEXT))),
            ("SEARCH_TASKS", "GET_TASK"),
            ("LIST_TASKS", "SEARCH_TASKS"),
            id="nothing is listed twice",
        ),
        pytest.param(
            (tool("LIST_TASKS", optional=("page_token",), tasks=many(id=TEXT), next_page_token=TEXT), GET),
            ("LIST_TASKS", "LIST_TASKS", "GET_TASK"),
            ("LIST_TASKS", "GET_TASK", "LIST_TASKS"),
            id="the next page follows the page",
        ),
        pytest.param(
            (tool("LIST_TASKS", optional=("page_token",), tasks=many(id=TEXT), next_page_token=TEXT), GET),
            ("LIST_TASKS", "LIST_TASKS"),
            ("LIST_TASKS", "LIST_TASKS", "LIST_TASKS"),
            id="two pages are enough",
        ),
        pytest.param(
            (LIST, GET, tool("MOVE_TASK", "task_id", "project_id"), tool("LIST_PROJECTS", projects=many(id=TEXT))),
            ("LIST_TASKS", "GET_TASK"),
            ("LIST_TASKS", "MOVE_TASK"),
            id="no step without all of its ids",
        ),
    ],
)
def test_some_orders_make_no_sense(tools, possible, nonsense):
    found = drawn(*tools, count=200)
    assert possible in found
    assert nonsense not in {chain[: len(nonsense)] for chain in found}


def test_a_bundle_wants_two_toolkits_and_otherwise_one_is_enough():
    mail = tool("SEND_NOTE", "subject", toolkit="mail", sent={"type": "boolean"})
    event = tool("GET_EVENT", toolkit="calendar", event={"type": "object", "properties": {"title": TEXT}})
    within = tool("GET_AGENDA", "query", toolkit="calendar")
    crossing = ChainLimits(2, 3, 0, must_cross=True)
    assert ("GET_EVENT", "GET_AGENDA") in drawn(event, within, mail)
    assert drawn(event, within, mail, limits=crossing)
    for chain in draw(event, within, mail, limits=crossing):
        assert set(chain.toolkits) == {"mail", "calendar"}


def test_a_chain_says_where_its_ids_come_from():
    (chain,) = draw(LIST, GET)
    (binding,) = chain.steps[1].bindings
    assert (binding.argument, binding.step, binding.result, binding.kind) == ("/task_id", 0, "/tasks/*/id", "id")
    assert (chain.pattern, chain.toolkits, chain.held_out) == ("sequential", ("acme",), False)


# ── patterns ──────────────────────────────────────────────────────────────────────────────────

A_LIST, A_CREATE = (
    tool("LIST_NOTES", notes=many(id=TEXT)),
    tool("CREATE_NOTE", note={"type": "object", "properties": {"id": TEXT}}),
)


def steps(*calls: tuple[str, tuple[int, ...]], kind: str = "id") -> tuple[ChainStep, ...]:
    return tuple(
        ChainStep(
            tool=name,
            bindings=tuple(Binding(argument=f"/a{place}", step=place, result="/b", kind=kind) for place in places),  # type: ignore[arg-type]
        )
        for name, places in calls
    )


@pytest.mark.parametrize(
    ("chain", "pattern"),
    [
        pytest.param(steps(("LIST_A", ())), "single_call", id="one call"),
        pytest.param(steps(("LIST_A", ()), ("LIST_B", ())), "independent", id="nothing is used"),
        pytest.param(steps(("LIST_A", ()), ("LIST_A", (0,)), kind="page"), "next_page", id="a page"),
        pytest.param(steps(("LIST_A", ()), ("LIST_B", ()), ("ADD_C", (0, 1))), "join", id="two beginnings"),
        pytest.param(steps(("CREATE_A", ()), ("GET_A", (0,))), "create_then_use", id="created, then read"),
        pytest.param(
            steps(("LIST_A", ()), ("CREATE_B", (0,)), ("SEND_B", (1,))), "create_then_use", id="found, created, sent"
        ),
        pytest.param(steps(("FIND_A", ()), ("DELETE_A", (0,))), "search_then_act", id="found, then deleted"),
        pytest.param(steps(("LIST_A", ()), ("GET_A", (0,))), "sequential", id="read and read on"),
        pytest.param(steps(("GET_A", ()), ("UPDATE_B", (0,))), "sequential", id="not searched for"),
    ],
)
def test_the_pattern_of_a_chain(chain, pattern):
    assert classify_pattern(chain) == pattern


def test_patterns_come_in_the_shares_that_are_asked_for():
    weights = {"search_then_act": 2, "create_then_use": 1, "single_call": 1}
    limits = ChainLimits(2, 5, 0, must_cross=False, patterns=weights)
    drawn = Counter(chain.pattern for chain in draw(*tools_of("gmail").values(), count=32, limits=limits))
    assert drawn == {"search_then_act": 16, "create_then_use": 8, "single_call": 8}


def test_a_pattern_that_there_is_no_more_of_leaves_its_share_to_the_others():
    weights = {"single_call": 1, "search_then_act": 1}
    limits = ChainLimits(2, 5, 0, must_cross=False, patterns=weights)
    tools = tools_of("gmail")
    drawn = Counter(chain.pattern for chain in draw(*tools.values(), count=60, limits=limits))
    assert drawn["single_call"] == sum(not find_needed_ids(tool) for tool in tools.values())
    assert drawn.total() == 60


def test_a_single_call_is_one_call_whatever_the_shortest_chain():
    limits = ChainLimits(3, 5, 0, must_cross=False, patterns={"single_call": 1})
    assert drawn(LIST, GET, A_LIST, limits=limits) == {("LIST_TASKS",), ("LIST_NOTES",)}


def test_where_no_result_feeds_a_call_the_calls_are_independent():
    pings = [tool(name) for name in ("PING_A", "PING_B", "PING_C")]
    chains = draw(*pings, count=8, limits=ChainLimits(2, 3, TEST_SHARE, must_cross=False))
    assert {chain.pattern for chain in chains} == {"independent"}
    assert {chain.held_out for chain in chains} == {True, False}
    assert all(len(set(names(chain))) == len(chain.steps) >= 2 for chain in chains)
    assert not any(step.bindings for chain in chains for step in chain.steps)


def test_independent_calls_do_not_undo_one_another():
    removal = tool("DELETE_NOTE", "title")
    chains = draw(A_CREATE, removal, A_LIST, count=20, limits=ChainLimits(2, 3, 0, False, patterns={"independent": 1}))
    for chain in chains:
        called = names(chain)
        assert not ("CREATE_NOTE" in called and "DELETE_NOTE" in called[called.index("CREATE_NOTE") :])


# ── where there is nothing to draw ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tools", "limits", "parts"),
    [
        pytest.param(
            (GET, UPDATE),
            LIMITS,
            ("2 to 5 calls", "among 2 tools", "0 of them need no id", "0 edges"),
            id="no beginning",
        ),
        pytest.param(
            (LIST, tool("PING")),
            ChainLimits(2, 5, 0, must_cross=False, patterns={"sequential": 1, "join": 1}),
            ("2 of them need no id", "0 edges lead on"),
            id="no continuation",
        ),
        pytest.param((), LIMITS, ("among 0 tools",), id="no tools"),
        pytest.param(
            (LIST, GET),
            ChainLimits(3, 5, 0, must_cross=False),
            ("3 to 5 calls", "1 of them need no id, and 1 edges"),
            id="no chain of that length",
        ),
        pytest.param(
            (LIST, GET, tool("PING", toolkit="other")),
            ChainLimits(2, 5, 0, must_cross=True, patterns={"sequential": 1}),
            ("2 to 5 calls across toolkits", "among 3 tools"),
            id="no chain from one toolkit to the other",
        ),
    ],
)
def test_tools_without_chains_are_told_why_and_what_to_do(tools, limits, parts):
    assert draw(LIST, GET)
    with pytest.raises(ChainError) as error:
        draw(*tools, limits=limits)
    remedy = "add tools that list or create what the others need, or describe their results"
    assert [part for part in (*parts, remedy) if part not in str(error.value)] == []


@pytest.mark.parametrize("share", [0.0, 0.19])
def test_when_there_are_no_more_it_does_not_go_on_looking(share):
    """A hundred thousand are wanted of a handful: trying 200 times for each would take an hour."""
    limits = ChainLimits(2, 5, share, must_cross=False)
    with at_most_cpu_seconds(60):
        chains = draw(LIST, GET, UPDATE, DELETE, count=100_000, limits=limits)
    assert {names(chain) for chain in chains} == drawn(LIST, GET, UPDATE, DELETE, count=1000)
    assert 3 < len(chains) < 20


def step(name: str, source: int | None = None, result: str = "/id", argument: str = "/folder_id") -> ChainStep:
    bindings = () if source is None else (Binding(argument=argument, step=source, result=result, kind="id"),)
    return ChainStep(tool=name, bindings=bindings)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param(
            [step("CREATE_FOLDER"), step("LIST_FILES", 0), step("GET_FILE", 1, "/files/*/id")],
            True, id="a file of the new folder"),
        pytest.param([step("CREATE_FOLDER"), step("LIST_FILES", 0)], False, id="its list may be empty"),
        pytest.param(
            [step("LIST_FOLDERS"), step("LIST_FILES", 0, "/dirs/*/id"), step("GET_FILE", 1, "/files/*/id")],
            False, id="a file of a folder that was there"),
        pytest.param(
            [step("CREATE_FOLDER"), step("ADD_FILE", 0), step("LIST_FILES", 0), step("GET_FILE", 2, "/files/*/id")],
            False, id="a file that was put there"),
        pytest.param(
            [step("SEND_EMAIL"), step("GET_EMAIL", 0, "/id", "/email_id"), step("GET_FILE", 1, "/attachments/*/id")],
            True, id="an attachment of what was sent without any"),
        pytest.param(
            [step("SEND_EMAIL"), step("GET_THREAD", 0, "/thread_id", "/thread_id"), step("REPLY", 1, "/messages/*/id")],
            False, id="what was sent is in its thread"),
        pytest.param(
            [step("CREATE_SLOT_TYPE"), step("GET_TIMES", 0, "/id", "/type_id"), step("BOOK", 1, "/times/*/start")],
            False, id="what nobody has to put there"),
    ],
)  # fmt: skip
def test_no_chain_looks_for_something_in_what_it_just_made(steps, expected):
    assert looks_into_new_thing(steps) is expected
