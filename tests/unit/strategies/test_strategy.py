"""The three strategies, what they cost, and many conversations at once: none is lost."""

import asyncio
from collections import Counter
from typing import Any, ClassVar

import pytest
from offline import ENGINE, casts, played

from funcdex_assets.dml.grammar.conversation import Bounds, build_conversation_grammar
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, GrammarConstraint, InferenceError, Request
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.generation import Generation
from funcdex_assets.settings.settings import Settings
from funcdex_assets.strategies.strategy import converse_all, select_strategy

EACH = 12
CASTS = [one.played for one in casts("gmail", EACH)]
PLANS = [one.plan.plan_id for one in CASTS]


class Model(OfflineEngine):
    """The offline engine as a model that is paid for: it has a name, and counts."""

    name = "vllm:tiny"

    def __init__(self) -> None:
        super().__init__(IMPROVISATIONS)
        self.asked: Counter[str] = Counter()

    async def complete(self, request: Request) -> Completion:
        self.asked[request.role] += 1
        return await super().complete(request)


def generation(**fields: Any) -> Generation:
    return Generation(**fields)


def stage(engine: Any, **fields: Any) -> tuple[list[Conversation], int]:
    advanced: list[int] = []
    made = asyncio.run(
        converse_all(CASTS, engine, select_strategy(generation(**fields)), 42, lambda: advanced.append(1))
    )
    return made, len(advanced)


# ── the strategies ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        pytest.param({"strategy": "simulate"}, {"user_simulator", "assistant"}, id="simulate"),
        pytest.param(
            {"strategy": "simulate", "tool_results": "model"},
            {"user_simulator", "assistant", "tool_simulator"},
            id="simulate with results by the model",
        ),
        pytest.param({"strategy": "hybrid"}, {"assistant"}, id="hybrid"),
        pytest.param(
            {"strategy": "hybrid", "offline_roles": ("assistant",)}, {"user_simulator"}, id="hybrid, reversed"
        ),
        pytest.param({"strategy": "hybrid", "tool_results": "model"}, {"assistant"}, id="hybrid has its results"),
        pytest.param({"strategy": "one_shot"}, {"conversation_writer"}, id="one_shot"),
    ],
)
def test_a_strategy_asks_the_model_for_its_roles_only(fields, asked):
    model = Model()
    made, advanced = stage(model, **fields)
    assert set(model.asked) - {"corrector"} == asked  # it is asked where the rules object to a written text
    assert advanced == EACH
    assert [one.plan_id for one in made] == PLANS
    assert {one.strategy for one in made} == {fields["strategy"]}
    assert all("vllm:tiny" in one.engine for one in made)
    assert not any(one.failure for one in made)


def requests(**fields: Any) -> tuple[int, list[Conversation]]:
    model = Model()
    made, _ = stage(model, **fields)
    return model.asked.total(), made


def test_what_a_conversation_costs():
    """For R results, M messages of the assistant and U of the user: simulate R + M + U with modelled results, hybrid M,
    one_shot 1. What a call that goes wrong returns is not modelled.
    """
    full, made = requests(tool_results="model")
    messages = [message for one in made for message in one.messages]
    faults = sum(bool(step.fault) for one in CASTS for step in one.plan.steps)
    results = sum(message.role == "tool" for message in messages) - faults
    moves = sum(message.role == "assistant" for message in messages)
    spoken = sum(message.role == "user" for message in messages)
    assert full == results + moves + spoken
    assert requests()[0] == moves + spoken
    assert requests(strategy="hybrid")[0] == moves
    count, written = requests(strategy="one_shot")
    assert count == sum(max(1, len(one.attempts)) for one in written)
    assert sum(len(one.attempts) <= 1 for one in written) > EACH / 2
    # calls made at once share a message, and each message of the user is answered once
    at_once = sum(len(message.tool_calls) - 1 for message in messages if message.tool_calls)
    assert at_once > 0
    assert moves == results + faults - at_once + spoken


def test_offline_the_default_is_the_plain_simulation():
    made, _ = stage(ENGINE)
    assert made == [one.conversation for one in played("gmail", EACH)]
    assert {(one.attempts, one.failure) for one in made} == {((), None)}


def test_the_grammar_has_the_bounds_of_the_settings():
    tools = list(CASTS[0].tools.values())
    assert CASTS[0].plan.late_tools  # which the grammar must know from the beginning
    tools += [CASTS[0].absent_tools[name] for name in CASTS[0].plan.late_tools]
    language = build_conversation_grammar(tools, thoughts=False)

    class Asked(Model):
        constraints: ClassVar[set[str]] = set()

        async def complete(self, request: Request) -> Completion:
            if isinstance(constraint := request.resolved_constraint, GrammarConstraint):
                self.constraints.add(constraint.key)
            return await super().complete(request)

    stage(Asked(), strategy="one_shot")
    assert language.key in Asked.constraints  # the defaults of both are the same
    Asked.constraints.clear()
    stage(Asked(), strategy="one_shot", bounds={"turns": 3, "items": 7})
    assert len(CASTS[0].plan.turns) > 3  # what the plan needs is permitted
    language = build_conversation_grammar(
        tools, thoughts=False, bounds=Bounds(turns=(2, len(CASTS[0].plan.turns)), items=7)
    )
    assert language.key in Asked.constraints
    Asked.constraints.clear()
    stage(Asked(), strategy="one_shot", grammar=False)
    assert not Asked.constraints


# ── settings ──────────────────────────────────────────────────────────────────────────────────


def settings(profile: str = "offline", roles: dict[str, Any] | None = None, **fields: Any) -> Settings:
    inference = {"profile": profile, "roles": roles or {}}
    return Settings(toolkits=("gmail",), inference=inference, generation=fields)  # type: ignore[arg-type]


VLLM, OPENAI = {"profile": "vllm", "model": "a"}, {"profile": "openai", "model": "b"}


@pytest.mark.parametrize(
    ("given", "native"),
    [
        pytest.param(settings("openai"), True, id="auto: openai"),
        pytest.param(settings("vllm"), False, id="auto: vllm"),
        pytest.param(settings("offline"), False, id="auto: offline"),
        pytest.param(settings("vllm", {"assistant": OPENAI}), True, id="auto: the assistant's own profile"),
        pytest.param(settings("openai", {"assistant": VLLM}), False, id="auto: the assistant's, not the others'"),
        pytest.param(settings("vllm", assistant_calls="native"), True, id="native: vllm"),
        pytest.param(settings("offline", assistant_calls="native"), False, id="native: never offline"),
        pytest.param(settings("openai", assistant_calls="constrained"), False, id="constrained: openai"),
        pytest.param(settings("openai", include_assistant_thoughts=True), False, id="auto: thoughts need a place"),
    ],
)
def test_how_the_assistant_calls_tools(given, native):
    assert given.native_calls == native


@pytest.mark.parametrize(
    ("profile", "roles", "fields", "refused"),
    [
        pytest.param("openai", {}, {}, "conversation_writer", id="openai takes no grammar"),
        pytest.param("openai", {"conversation_writer": VLLM}, {}, "corrector", id="nor for the corrector"),
        pytest.param("openai", {"conversation_writer": VLLM, "corrector": VLLM}, {}, None, id="both elsewhere"),
        pytest.param("vllm", {"conversation_writer": OPENAI}, {}, "conversation_writer", id="a role at openai"),
        pytest.param("openai", {}, {"grammar": False}, None, id="asked without the grammar"),
        pytest.param("vllm", {"judge": OPENAI}, {}, None, id="the judge needs none"),
        pytest.param("offline", {}, {}, None, id="offline"),
    ],
)
def test_one_shot_at_an_endpoint_without_grammars_is_refused_before_anything_is_asked(profile, roles, fields, refused):
    if refused is None:
        settings(profile, roles, strategy="one_shot", **fields)
        return
    with pytest.raises(ValueError, match=f"role '{refused}' write under a grammar.*generation.grammar to false"):
        settings(profile, roles, strategy="one_shot", **fields)


def test_native_calls_and_thoughts_exclude_each_other():
    with pytest.raises(ValueError, match="no place for include_assistant_thoughts"):
        generation(assistant_calls="native", include_assistant_thoughts=True)


# ── many at once ──────────────────────────────────────────────────────────────────────────────


class Failing(OfflineEngine):
    """Cannot answer the user simulator of the plans in `broken`."""

    def __init__(self, broken: list[str], kind: Any) -> None:
        super().__init__(IMPROVISATIONS)
        self.broken, self.kind = broken, kind

    async def complete(self, request: Request) -> Completion:
        if request.role == "user_simulator" and request.subject.state.plan.plan_id in self.broken:
            raise InferenceError("The server is upset", retryable=self.kind == "unavailable", kind=self.kind)
        return await super().complete(request)


@pytest.mark.parametrize(
    ("broken", "kind", "rule"),
    [
        pytest.param(PLANS[2:4], "context", "context", id="two are too long"),
        pytest.param(PLANS, "refusal", "refusal", id="all are refused: no error, each is rejected"),
        pytest.param(PLANS[2:4], "unavailable", "unanswered", id="the server was away for two of them"),
        pytest.param(PLANS[:6], "invalid", "unanswered", id="half of them could not be asked"),
    ],
)
def test_every_plan_has_its_conversation_or_the_reason_why_it_has_none(broken, kind, rule):
    made, advanced = stage(Failing(broken, kind))
    assert [one.plan_id for one in made] == PLANS
    assert {one.plan_id for one in made if one.failure} == set(broken)
    assert {(one.failure.rule, one.failure.text) for one in made if one.failure} == {(rule, "The server is upset")}
    assert all(not one.messages for one in made if one.failure)
    assert advanced == EACH
    assert len({one.conversation_id for one in made}) == EACH


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        pytest.param(PLANS, "unavailable", id="the server is gone"),
        pytest.param(PLANS[:7], "unavailable", id="gone for more than half"),
        pytest.param(PLANS, "invalid", id="the request is wrong"),
    ],
)
def test_a_broken_engine_is_an_error(broken, kind):
    with pytest.raises(InferenceError, match="The server is upset") as raised:
        stage(Failing(broken, kind))
    assert raised.value.retryable == (kind == "unavailable")
