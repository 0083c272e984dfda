"""The figures of small sets whose figures are plain to see."""

from dataclasses import replace

import pytest
from dialogue_cases import CLEAN, CONTACTS, PERSONA, SCENARIO, TOOLS, assistant, call, result, user
from example_tables import BLOCKING, CONVERSATION, PLAN, SCORED, TRAIN, frames, update

from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.figures import QualityFigure, Spent
from funcdex_assets.records.plan import PlannedTurn
from funcdex_assets.reports.collected import TABLES, Collected, Example, MixedTables, collect_tables, merge_collected
from funcdex_assets.reports.figures import STAGES, compute_figures, compute_sound_figures


def figures(found: Collected, **more) -> dict[tuple[str, str], QualityFigure]:
    rows = compute_figures(found, **more)
    named = {(one.figure, one.item): one for one in rows}
    assert len(named) == len(rows)
    return named


def counts(one: QualityFigure) -> tuple[int | None, int | None]:
    return one.part, one.whole


# ── from tables: two conversations made, one failed; two in the dataset ───────────────────────


@pytest.fixture(scope="module")
def held():
    return frames(dataset=(TRAIN, update(TRAIN, conversation_id="conversation_2")))


@pytest.mark.parametrize(
    ("figure", "item", "expected"),
    [
        ("share that goes on", "candidates → kept", (2, 3)),
        ("share that goes on", "planned → made", (2, 3)),
        ("share that goes on", "made → accepted", (1, 2)),
        ("valid calls", "", (4, 4)),
        ("valid results", "", (4, 4)),
        ("grounded arguments", "", (6, 6)),
        ("source of arguments", "user", (4, 6)),
        ("source of arguments", "result", (2, 6)),
        ("stated values that the call contradicts", "", (0, 2)),
        ("echoed ids that differ", "", (0, 0)),
        ("kind", "multi_step", (2, 2)),
        ("chain pattern", "sequential", (2, 2)),
        ("conversations with such a turn", "request", (2, 2)),
        ("with parallel calls", "", (0, 2)),
        ("conversations by calls", "2", (2, 2)),
        ("conversations by user turns", "2", (2, 2)),
        ("tools called", "", (2, 2)),
        ("tools called with arguments, of those that have parameters", "", (2, 2)),
        ("calls with arguments", "", (4, 4)),
        # query of three · to and subject of twelve
        ("arguments given, of those that the tools declare", "", (3, 15)),
        ("no declared results", "", (0, 2)),
        ("argument never given", "", (12, 15)),
        ("tool never called", "", (0, 2)),
        ("pairs of tools used, of those in the graph", "", (1, 1)),
        ("copies once ids, digits and quotes are masked", "", (2, 2)),
        ("tool_use_quality", "5", (1, 2)),
        ("tool_use_quality", "2", (1, 2)),
        ("blocking", "no_call", (1, 3)),
        ("blocking", "markup", (1, 3)),
        ("conversations without any", "", (1, 3)),
        # find the contact called Varga · send that person an email with the subject Snow on the roof: 17 words, and
        # once more the same
        ("distinct-1 of user turns", "", (15, 34)),
        ("most frequent sentence skeleton, user", "", (2, 4)),
        ("frequent sentence skeletons, user", "find the contact called _", (2, 4)),
    ],
)
def test_counts_from_tables(held, figure, item, expected):
    assert counts(figures(collect_tables("mail", held))[figure, item]) == expected


@pytest.mark.parametrize(
    ("figure", "item", "expected"),
    [
        *[("conversations", stage, value) for stage, value in zip(STAGES, (3, 2, 3, 2, 1, 2), strict=True)],
        ("user turns per conversation", "mean", 2),
        ("calls per conversation", "most", 2),
        ("unique first messages, per 1,000", "", 500),
        ("self-BLEU of first user messages", "", 1),
        ("mean score", "tool_use_quality", 3.5),
    ],
)
def test_values_from_tables(held, figure, item, expected):
    assert figures(collect_tables("mail", held))[figure, item].value == pytest.approx(expected)


def test_every_table_that_is_read_is_named(held):
    assert collect_tables("mail", {name: held[name] for name in TABLES}).yields["dataset"] == 2


def test_only_what_is_in_the_dataset_is_measured():
    found = collect_tables("mail", frames())
    assert [one.conversation.conversation_id for one in found.examples] == ["conversation_1"]
    assert len(found.scored) == 3


def test_tables_of_different_runs_are_refused(held):
    later = held["deduplicated_scenarios"].filter(held["deduplicated_scenarios"]["scenario_id"] != "scenario_1")
    with pytest.raises(MixedTables, match="materialise mail again"):
        collect_tables("mail", {**held, "deduplicated_scenarios": later})


def test_partitions_together_are_counted_together(held):
    both = merge_collected([collect_tables("mail", held), collect_tables("post", held)])
    assert counts(figures(both)["valid calls", ""]) == (8, 8)
    assert counts(figures(both)["tools called", ""]) == (4, 4)  # a toolkit of each partition has tools of its own
    assert figures(both)["conversations", "dataset"].value == 4
    assert counts(figures(both)["copies once ids, digits and quotes are masked", ""]) == (4, 4)


# ── from examples: the mix, and what goes otherwise than planned ──────────────────────────────

PARALLEL = (
    user("Find Bo and Cy."),
    assistant(None, call(1, "FIND_CONTACT", query="Bo"), call(2, "FIND_CONTACT", query="Cy")),
    result(1, "FIND_CONTACT", CONTACTS),
    result(2, "FIND_CONTACT", {"contacts": []}),
    assistant("I found Bo only."),
)
MENDED = (
    user("Write to Bo."),
    assistant(None, call(1, "SEND_EMAIL", to="bo", subject="Hi")),
    result(1, "SEND_EMAIL", {"code": 400}, error=True),
    assistant("Which address?"),
    user("bo@x.io"),
    assistant(None, call(2, "SEND_EMAIL", to="bo@x.io", subject="Hi")),
    result(2, "SEND_EMAIL", {"message_id": "m_1"}),
    assistant("It is sent."),
)
TALK = (user("Can you fax?"), assistant("No."), user("A pity."), assistant("Yes."))


def example(messages, kind: str, pattern: str = "sequential", turns=()) -> Example:
    plan = update(PLAN, kind=kind, turns=tuple(PlannedTurn(kind=turn) for turn in turns))
    conversation = update(CONVERSATION, messages=messages, provenance=())
    return Example(conversation, Participants(plan, build_situation(SCENARIO, PERSONA), TOOLS), pattern, "mail")


@pytest.fixture(scope="module")
def mixed() -> Collected:
    return Collected(
        [
            example(CLEAN, "multi_step"),
            example(PARALLEL, "parallel", "independent"),
            example(MENDED, "error_recovery", turns=("request", "remedy")),
            example(TALK, "no_suitable_tool", turns=("unsuitable", "unsuitable", "thanks")),
        ]
    )


@pytest.mark.parametrize(
    ("figure", "item", "expected"),
    [
        ("with parallel calls", "", (1, 4)),
        ("with an error", "", (1, 4)),
        ("with an empty result", "", (1, 4)),
        ("with an error or empty result", "", (2, 4)),
        ("failed, then succeeded", "", (1, 4)),
        ("without any call", "", (1, 4)),
        ("speaks before the first call", "", (0, 4)),
        ("valid calls", "", (5, 6)),  # "bo" is no address
        ("valid results", "", (5, 5)),
        ("grounded arguments", "", (0, 9)),
        ("chain pattern", "sequential", (3, 4)),
        ("conversations with such a turn", "remedy", (1, 4)),
        ("conversations with such a turn", "unsuitable", (1, 4)),
        ("conversations by calls", "0", (1, 4)),
        ("conversations by calls", "2", (3, 4)),
        ("six or more user turns", "", (0, 4)),
    ],
)
def test_counts_from_examples(mixed, figure, item, expected):
    assert counts(figures(mixed)[figure, item]) == expected


def test_recoveries_are_counted_by_how_it_goes_on():
    step = PLAN.steps[0]
    late = update(step, fault="timeout", another="LIST_CONTACTS")
    steps = (late, late, update(step, tool="LIST_CONTACTS"), update(step, fault="rate_limit"), step)
    tried = example(MENDED, "error_recovery")
    plan = update(tried.participants.plan, steps=steps)
    found = figures(
        Collected([replace(tried, participants=replace(tried.participants, plan=plan)), example(CLEAN, "multi_step")])
    )
    assert {item: one.part for (figure, item), one in found.items() if figure == "planned recovery"} == {
        "another": 1,
        "retry": 1,
    }


def test_a_pasted_definition_is_no_speech():
    pasted = (user('Here: {"type": "function", "function": {"name": "SEND_FAX", "parameters": {}}} Please fax it.'),)
    found = figures(Collected([example(pasted, "missing_function")]))
    assert counts(found["distinct-1 of user turns", ""]) == (4, 4)
    assert counts(found["frequent sentence skeletons, user", "please fax it"]) == (1, 2)


def test_kinds_are_beside_the_wanted_weights(mixed):
    found = figures(mixed, weights={"multi_step": 2, "parallel": 1, "simple": 1})
    kinds = {item: (one.value, one.wanted) for (figure, item), one in found.items() if figure == "kind"}
    assert kinds == {
        "multi_step": (0.25, 0.5),
        "parallel": (0.25, 0.25),
        "error_recovery": (0.25, 0.0),
        "no_suitable_tool": (0.25, 0.0),
        "simple": (0.0, 0.25),
    }


def test_without_weights_nothing_is_wanted(mixed):
    assert {one.wanted for one in compute_figures(mixed)} == {None}


def test_without_a_conversation_no_tool_counts_as_never_called():
    found = figures(collect_tables("mail", frames(dataset=())))
    assert counts(found["tools called", ""]) == (0, 0)
    assert counts(found["pairs of tools used, of those in the graph", ""]) == (0, 0)
    assert ("tool never called", "") not in found
    assert counts(found["no declared results", ""]) == (0, 2), "what definitions say is known without conversations"


def test_nothing_gives_figures_of_nothing():
    found = figures(Collected())
    assert counts(found["valid calls", ""]) == (0, 0)
    assert {one.value for one in found.values()} == {0.0}


def test_judged_conversations_count_in_scores_and_findings_accepted_or_not():
    scored = [SCORED, update(SCORED, conversation_id="c", tool_use_quality=1, findings=(BLOCKING, BLOCKING))]
    found = figures(Collected(scored=scored))
    assert counts(found["blocking", "no_call"]) == (1, 2)
    assert found["mean score", "tool_use_quality"].value == 3


# ── what it cost ──────────────────────────────────────────────────────────────────────────────


def spent(role: str, model: str = "m", requests: int = 1, **tokens: int) -> Spent:
    return Spent(role=role, model=model, requests=requests, **tokens)


@pytest.fixture(scope="module")
def paid(held) -> Collected:
    return collect_tables(
        "mail",
        held,
        {
            "conversations": [
                spent("assistant", requests=4, prompt_tokens=1000, completion_tokens=100, cached_tokens=400),
                spent("judge", "wise", 2, prompt_tokens=200),
                spent("judge", "former", 2, prompt_tokens=50),
            ],
            "personas": [spent("persona_writer", requests=2, prompt_tokens=10, completion_tokens=20)],
            "scored_conversations": [spent("judge", "wise", 3, prompt_tokens=300), spent("judge", "new", 3)],
        },
    )


PRICES = {"m": TokenPrice(prompt=1e6, completion=2e6, cached=0), "wise": TokenPrice(prompt=1e6)}


@pytest.mark.parametrize(
    ("figure", "item", "expected"),
    [
        pytest.param("requests", "in all", 4 + 2 + 3 + 2 + 3, id="a judge's answers are counted once"),
        pytest.param("requests", "per accepted conversation, judge", 8, id="a judge that was replaced is counted too"),
        pytest.param("prompt tokens", "per accepted conversation", 1360, id="prompt tokens"),
        pytest.param("prompt tokens", "per accepted conversation, judge", 350, id="prompt tokens of a role"),
        pytest.param("cached prompt tokens", "in all", 400, id="cached"),
        pytest.param("completion tokens", "per accepted conversation", 120, id="completion tokens"),
        pytest.param("cost in dollars", "in all", 600 + 200 + 10 + 40 + 300, id="at the price of each model"),
        pytest.param("cost in dollars", "per accepted conversation, assistant", 800, id="cost of a role"),
        pytest.param("requests without a price", "", 5, id="without a price"),
    ],
)
def test_what_an_accepted_conversation_costs(paid, figure, item, expected):
    assert figures(paid, prices=PRICES)[figure, item].value == pytest.approx(expected)


def test_partitions_together_share_the_cost(paid):
    both = figures(merge_collected([paid, paid]), prices=PRICES)
    assert both["cost in dollars", "in all"].value == pytest.approx(2 * 1150)
    assert both["cost in dollars", "per accepted conversation"].value == pytest.approx(1150)


def test_without_a_price_tokens_are_told_and_without_an_accepted_conversation_sums(paid):
    assert "cost in dollars" not in {figure for figure, _ in figures(paid)}
    none = Collected(spent=[spent("judge")])
    items = {one.item for one in compute_figures(none, prices=PRICES) if one.section == "cost"}
    assert items == {"in all", ""}


def test_offline_nothing_is_said_of_cost(held):
    assert not [one for one in compute_figures(collect_tables("mail", held), prices=PRICES) if one.section == "cost"]


def test_the_report_is_a_function_of_tables_and_seed(held):
    assert compute_figures(collect_tables("mail", held), {}, 3) == compute_figures(collect_tables("mail", held), {}, 3)


def test_a_row_that_cannot_be_counted_is_left_out_with_its_conversation(held):
    found = collect_tables("mail", held)
    broken = update(found.rows[1], messages=[{"content": "a message of nobody"}])
    rows, failures = compute_sound_figures(replace(found, rows=[found.rows[0], broken]))
    counted = {(one.figure, one.item): one for one in rows}
    assert counted["user turns counted", "train"].value == 2
    assert counts(counted["valid calls", ""]) == (2, 2)
    assert [failure.subject for failure in failures] == ["conversation_2"]
