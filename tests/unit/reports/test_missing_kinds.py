"""Why a kind that was asked for is in no row: the first stage that has none of it says so."""

import pytest
from example_tables import ACCEPTED, CHAIN, CONVERSATION, PLAN, SCENARIO, TRAIN, deduplicated, frames, update

from funcdex_assets.reports.missing_kinds import explain_kinds_missing_everywhere, explain_missing_kinds

WEIGHTS = {"multi_step": 96, "ask_back": 4}
ASKING_SCENARIO = update(SCENARIO, scenario_id="scenario_9", kind="ask_back")
CHAINS = {"tool_chains": (CHAIN, update(CHAIN, chain_id="chain_9", kind="ask_back"))}
KEPT = {**CHAINS, "deduplicated_scenarios": (deduplicated(SCENARIO, "kept"), deduplicated(ASKING_SCENARIO, "kept"))}
PLANNED = {**KEPT, "conversation_plans": (PLAN, update(PLAN, plan_id="plan_9", kind="ask_back"))}
PLAYED = {**PLANNED, "conversations": (CONVERSATION, update(CONVERSATION, conversation_id="c9", plan_id="plan_9"))}
REPEATED = deduplicated(ASKING_SCENARIO, "duplicate", duplicate_of="scenario_1", similarity=1.0, overlap=1.0)


@pytest.mark.parametrize(
    ("tables", "conversations", "reason"),
    [
        pytest.param({}, 10, "4 % of 10 conversations wanted; that is less than one; ask for 25 or more", id="too few"),
        pytest.param(
            {}, 200, "no chain of calls for it was drawn with these tools; it takes a tool that", id="no chain"
        ),
        pytest.param({}, 50, "where the tools have that, ask for more conversations", id="no chain in few attempts"),
        pytest.param(
            {**CHAINS, "deduplicated_scenarios": (deduplicated(SCENARIO, "kept"), REPEATED)},
            200,
            "all 1 situations repeat others; raise generation.oversample",
            id="repeated",
        ),
        pytest.param(KEPT, 200, "none of 1 situations could be planned", id="not planned"),
        pytest.param(PLANNED, 200, "none of 1 plans was played", id="not played"),
        pytest.param(
            {**PLAYED, "rejected_conversations": (update(ACCEPTED, conversation_id="c9", reasons=("no_call: none",)),)},
            200,
            "all 1 that were made were rejected (no_call 1); raise generation.reserve",
            id="rejected",
        ),
        pytest.param(PLAYED, 200, "of 1 that were made, none is left after repetitions and the split", id="left out"),
    ],
)
def test_the_first_stage_without_it_is_the_reason(tables, conversations, reason):
    missing = explain_missing_kinds(WEIGHTS, conversations, frames(**tables))
    assert list(missing) == ["ask_back"]
    assert reason in missing["ask_back"]


@pytest.mark.parametrize(
    ("weights", "rows"),
    [
        pytest.param(WEIGHTS, (TRAIN, update(TRAIN, conversation_id="c9", kind="ask_back")), id="there is one"),
        pytest.param({**WEIGHTS, "ask_back": 0}, (TRAIN,), id="none was asked for"),
        pytest.param({}, (), id="nothing was asked for"),
    ],
)
def test_a_kind_that_is_there_or_not_wanted_is_not_missing(weights, rows):
    assert explain_missing_kinds(weights, 200, frames(dataset=rows)) == {}


def test_a_release_over_all_lacks_what_every_partition_lacks():
    reasons = {"gmail": {"ask_back": "too few"}, "jira": {"ask_back": "too few", "parallel": "no chain"}}
    wanted = {**WEIGHTS, "parallel": 3, "simple": 1}
    explained = explain_kinds_missing_everywhere(wanted, {"multi_step": 5, "parallel": 1}, reasons)
    assert explained["ask_back"] == "too few"
    assert "parallel" not in explained
    assert "left out of the release" in explained["simple"]
