import asyncio
import json

import pytest

from funcdex_assets.inference.protocol import Completion, InferenceError, Request, Usage
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.records.figures import Spent


class Scripted:
    name = "vllm:tiny"

    def __init__(self, *outcomes):
        self._outcomes = list(outcomes)

    async def complete(self, request):
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self):
        self._outcomes.clear()


def completion(latency_s=1.0, prompt=100, out=10, cached=0, model="tiny", **fields):
    return Completion("text", "stop", Usage(prompt, out, cached), latency_s, model, **fields)


def measured(*outcomes, prices=None, roles=None):
    meter = UsageMeter(Scripted(*outcomes), prices)

    async def ask():
        for role in roles or ["judge"] * len(outcomes):
            try:
                await meter.complete(Request(role, None, tuple, 1))
            except InferenceError:
                continue

    asyncio.run(ask())
    return meter


def test_everything_is_counted_per_role_and_in_total():
    meter = measured(
        completion(1.0, 100, 10, 60, retries=2),
        completion(3.0, 200, 20),
        completion(2.0, 50, 5),
        roles=["judge", "planner", "planner"],
    )
    summary = meter.to_metadata()
    assert summary["engine"] == "vllm:tiny"
    assert {key: summary[key] for key in ("requests", "prompt_tokens", "completion_tokens", "cached_tokens")} == {
        "requests": 3,
        "prompt_tokens": 350,
        "completion_tokens": 35,
        "cached_tokens": 60,
    }
    assert summary["retries"] == 2
    assert list(summary["roles"]) == ["judge", "planner"]
    assert summary["roles"]["planner"]["prompt_tokens"] == 250
    assert json.loads(json.dumps(summary)) == summary


def test_latency_percentiles_are_values_that_occurred():
    summary = measured(*(completion(n / 10) for n in range(1, 101))).to_metadata()
    assert [summary[f"latency_p{percent}_s"] for percent in (50, 95, 99)] == [5.0, 9.5, 9.9]
    assert summary["latency_mean_s"] == 5.05


def test_nothing_asked_is_nothing_counted():
    summary = measured().to_metadata()
    assert (summary["requests"], summary["latency_p95_s"], summary["roles"]) == (0, 0.0, {})


def test_errors_are_counted_and_passed_on():
    meter = UsageMeter(Scripted(InferenceError("no", retryable=True), completion()))
    with pytest.raises(InferenceError, match="no"):
        asyncio.run(meter.complete(Request("judge", None, tuple, 1)))
    asyncio.run(meter.complete(Request("judge", None, tuple, 1)))
    assert (meter.to_metadata()["errors"], meter.to_metadata()["requests"]) == (1, 1)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        pytest.param(TokenPrice(prompt=2.0, completion=8.0, cached=0.5), 0.4 * 2 + 0.6 * 0.5 + 0.1 * 8, id="cached"),
        pytest.param(TokenPrice(prompt=2.0, completion=8.0), 1.0 * 2 + 0.1 * 8, id="cached-costs-the-same"),
        pytest.param(TokenPrice(prompt=2.0, completion=8.0, cached=0.0), 0.4 * 2 + 0.1 * 8, id="cached-is-free"),
    ],
)
def test_cost_follows_the_price_table(price, cost):
    meter = measured(completion(1, 1_000_000, 100_000, 600_000), prices={"tiny": price})
    assert meter.to_metadata()["cost_usd"] == pytest.approx(cost)
    assert meter.to_metadata()["unpriced_models"] == []


def test_a_model_without_a_price_is_named():
    meter = measured(completion(), prices={"other": TokenPrice(prompt=1, completion=1)})
    assert meter.to_metadata()["unpriced_models"] == ["tiny"]


def test_a_replayed_answer_is_counted_but_not_paid_for():
    summary = measured(completion(replayed=True), prices={"tiny": TokenPrice(prompt=1, completion=1)}).to_metadata()
    assert (summary["requests"], summary["replayed"], summary["prompt_tokens"], summary["cost_usd"]) == (
        1,
        1,
        0,
        0,
    )


def test_reset_forgets():
    meter = measured(completion())
    meter.reset_counts()
    assert (meter.to_metadata()["requests"], meter.to_metadata()["unpriced_models"]) == (0, [])


def test_a_meter_around_a_meter_has_its_prices():
    inner = measured(completion(), prices={"tiny": TokenPrice(prompt=1, completion=1)})
    assert UsageMeter(inner).prices == inner.prices
    assert UsageMeter(inner).name == "vllm:tiny"


def test_what_was_spent_counts_replayed_answers_as_when_they_were_paid():
    meter = measured(
        completion(prompt=100, out=10, cached=60),
        completion(prompt=200, out=20, replayed=True),
        completion(prompt=50, out=5, model="wise"),
        completion(prompt=0, out=0, model="offline"),
        InferenceError("busy", retryable=True),
        completion(prompt=7, out=0),
        roles=["judge", "judge", "judge", "judge", "judge", "planner"],
    )
    assert meter.list_spent() == [
        Spent(role="judge", model="tiny", requests=2, prompt_tokens=300, completion_tokens=30, cached_tokens=60),
        Spent(role="judge", model="wise", requests=1, prompt_tokens=50, completion_tokens=5),
        Spent(role="planner", model="tiny", requests=1, prompt_tokens=7),
    ]
    assert meter.to_metadata()["prompt_tokens"] == 157, "what was paid now"
    meter.reset_counts()
    assert meter.list_spent() == []
