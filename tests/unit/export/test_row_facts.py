"""What a row says of itself, from the records behind it."""

from typing import get_args

import pytest
from dialogue_cases import CLEAN
from example_tables import CHAIN, CONVERSATION, SCORED, update

from funcdex_assets.export.row_facts import LONGEST_REASONING, gather_row_facts
from funcdex_assets.records.conversation import Attempt, RoleModel, Seal
from funcdex_assets.records.labels import RoleName

ROLES: tuple[RoleName, ...] = get_args(RoleName)
MADE = update(
    CONVERSATION,
    models=tuple(RoleModel(role=role, model=f"model of {role}") for role in ROLES),
    seal=Seal(world=1, seed=2, state="s", calls=()),
)


def gather(conversation=MADE, scored=SCORED, has_given_policy=False, judge_engines=None):
    return gather_row_facts(
        conversation, scored, CHAIN, has_given_policy=has_given_policy, judge_engines=judge_engines or {}
    )


def attempt(kind) -> Attempt:
    return Attempt(kind=kind, text="", findings=())


@pytest.mark.parametrize(
    ("changes", "given", "others"),
    [
        pytest.param({}, False, ["user_simulator", "assistant", "system_prompt_writer"], id="turn by turn"),
        pytest.param({}, True, ["user_simulator", "assistant"], id="under a policy that was given"),
        pytest.param(
            {"seal": None},
            False,
            ["user_simulator", "assistant", "tool_simulator", "system_prompt_writer"],
            id="a model made the results",
        ),
        pytest.param(
            {"seal": None, "messages": (CLEAN[0], CLEAN[-1])},
            True,
            ["user_simulator", "assistant"],
            id="nothing was called, so nothing was asked for results",
        ),
        pytest.param({"strategy": "one_shot", "seal": None}, True, ["conversation_writer"], id="in one answer"),
        pytest.param(
            {"strategy": "one_shot", "seal": None, "attempts": (attempt("written"), attempt("corrected"))},
            True,
            ["conversation_writer", "corrector"],
            id="in one answer, corrected",
        ),
        pytest.param(
            {"strategy": "one_shot", "seal": None, "attempts": (attempt("written"), attempt("repaired"))},
            True,
            ["conversation_writer"],
            id="in one answer, mended by the program",
        ),
    ],
)
def test_the_roles_that_were_asked_are_named(changes, given, others):
    models = gather(update(MADE, **changes), has_given_policy=given)["models"]
    assert [model.role for model in models] == ["scenario_writer", "persona_writer", "planner", *others, "judge"]
    assert [model.model for model in models[:-1]] == [f"model of {model.role}" for model in models[:-1]]


@pytest.mark.parametrize(
    ("kinds", "counted"),
    [
        ((), (1, 0)),
        (("written", "repaired"), (2, 1)),
        (("written", "corrected", "repaired"), (3, 2)),
        (("written", "corrected", "regenerated"), (3, 1)),
    ],
)
def test_attempts_and_repairs_are_counted(kinds, counted):
    facts = gather(update(MADE, attempts=tuple(map(attempt, kinds))))
    assert (facts["attempts"], facts["repairs"]) == counted


@pytest.mark.parametrize(
    ("judge", "engines", "model"),
    [
        pytest.param("offline", {}, "offline", id="one"),
        pytest.param("vllm:tiny, vllm:tiny (2), offline", {}, "tiny, offline", id="each model once"),
        pytest.param("strict, mild", {"strict": "vllm:/srv/wise", "mild": "offline"}, "wise, offline", id="named"),
    ],
)
def test_the_judges_model_is_that_of_the_verdict(judge, engines, model):
    facts = gather(scored=update(SCORED, judge=judge), judge_engines=engines)
    assert (facts["judge"], facts["models"][-1]) == (judge, RoleModel(role="judge", model=model))


@pytest.mark.parametrize(("scores", "overall"), [((5, 5, 5, 4), 4.8), ((4, 4, 5, 4), 4.3), ((1, 2, 1, 2), 1.5)])
def test_overall_is_the_mean_with_halves_rounded_up(scores, overall):
    names = ("user_query_clarity", "tool_use_quality", "naturalness", "task_completion")
    facts = gather(scored=update(SCORED, **dict(zip(names, scores, strict=True))))
    assert (tuple(facts[name] for name in names), facts["overall"]) == (scores, overall)


def test_reasoning_is_one_paragraph_at_most():
    assert gather(scored=update(SCORED, reasoning="Well\n asked. "))["judge_reasoning"] == "Well asked."
    long = gather(scored=update(SCORED, reasoning="a word " * 1000))["judge_reasoning"]
    assert len(long) <= LONGEST_REASONING
    assert long.endswith(("word…", " a…"))


@pytest.mark.parametrize("missing", ["judge", "naturalness"])
def test_a_conversation_without_a_verdict_is_no_row(missing):
    with pytest.raises(ValueError, match="conversation_1 was accepted without a verdict"):
        gather(scored=update(SCORED, **{missing: None}))
