"""Counts the usage of an engine per role: requests, tokens, time, errors and money.

Only counting belongs here; the engine that is counted knows nothing of it.

    meter = UsageMeter(engine)
    ... await meter.complete(request) ...
    dg.MaterializeResult(metadata=meter.to_metadata())
"""

from array import array
from collections.abc import Mapping
from typing import Any

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, InferenceEngine, InferenceError, Request, Usage
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.records.figures import Spent


class UsageMeter:
    """An engine that passes requests on to another engine and counts them.

    `prices` is keyed by the model's name as it is requested. A meter around another meter takes over its prices,
    so that a stage can count its own share of a shared engine.
    """

    def __init__(self, engine: InferenceEngine, prices: Mapping[str, TokenPrice] | None = None) -> None:
        if prices is None:
            prices = engine.prices if isinstance(engine, UsageMeter) else {}
        self.prices = prices
        self._engine = engine
        self._roles: dict[str, _Tally] = {}
        self._unpriced: set[str] = set()
        self._spent: dict[tuple[str, str], _Tally] = {}

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def members(self) -> tuple[str, ...]:
        return getattr(self._engine, "members", ())

    def find_role_engine(self, role: str) -> InferenceEngine:
        """Finds the engine that plays a role, behind the meter."""
        find_role_engine = getattr(self._engine, "find_role_engine", None)
        return find_role_engine(role) if find_role_engine else self._engine

    async def complete(self, request: Request) -> Completion:
        tally = self._roles.get(request.role)
        if tally is None:
            tally = self._roles[request.role] = _Tally()
        try:
            completion = await self._engine.complete(request)
        except InferenceError:
            tally.errors += 1
            raise
        tally.requests += 1
        if completion.model != OfflineEngine.name:
            self._count_spent(request.role, completion)
        if completion.replayed:
            tally.replayed += 1
            return completion
        tally.latencies_s.append(completion.latency_s)
        tally.retries += completion.retries
        if completion.usage.prompt_tokens or completion.usage.completion_tokens:
            tally.add_tokens(completion.usage)
            self._count_cost(tally, completion)
        return completion

    def _count_cost(self, tally: "_Tally", completion: Completion) -> None:
        price = self.prices.get(completion.model)
        if price is None:
            self._unpriced.add(completion.model)
        else:
            tally.cost_usd += price.compute_cost(completion.usage)

    def _count_spent(self, role: str, completion: Completion) -> None:
        tally = self._spent.get((role, completion.model))
        if tally is None:
            tally = self._spent[role, completion.model] = _Tally()
        tally.requests += 1
        tally.add_tokens(completion.usage)

    def list_spent(self) -> list[Spent]:
        """Returns, by role and model, the requests and tokens that the answers took when they were first paid for.

        Replayed answers count like new ones. The offline engine costs nothing and is left out.
        """
        fields = ("requests", "prompt_tokens", "completion_tokens", "cached_tokens")
        return [
            Spent(role=role, model=model, **{field: getattr(tally, field) for field in fields})
            for (role, model), tally in sorted(self._spent.items())
        ]

    def to_metadata(self) -> dict[str, Any]:
        """Returns the totals, and under `roles` the same figures for each role; JSON values only.

        `requests` counts the answered requests, `replayed` those among them whose answer came from the journal:
        their tokens, time and cost are not counted again. The tokens of `unpriced_models` are not part of
        `cost_usd`.
        """
        total = _Tally()
        for tally in self._roles.values():
            total.add_counts(tally)
        return {
            "engine": self.name,
            **total.to_metadata(),
            "unpriced_models": sorted(self._unpriced),
            "roles": {role: tally.to_metadata() for role, tally in sorted(self._roles.items())},
        }

    def reset_counts(self) -> None:
        self._roles.clear()
        self._unpriced.clear()
        self._spent.clear()

    async def close(self) -> None:
        await self._engine.close()


class _Tally:
    __slots__ = (
        "cached_tokens",
        "completion_tokens",
        "cost_usd",
        "errors",
        "latencies_s",
        "prompt_tokens",
        "replayed",
        "requests",
        "retries",
    )

    def __init__(self) -> None:
        self.requests = self.replayed = self.errors = self.retries = 0
        self.prompt_tokens = self.completion_tokens = self.cached_tokens = 0
        self.cost_usd = 0.0
        self.latencies_s = array("d")

    def add_counts(self, tally: "_Tally") -> None:
        for field in self.__slots__:
            setattr(self, field, getattr(self, field) + getattr(tally, field))

    def add_tokens(self, usage: Usage) -> None:
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens

    def to_metadata(self) -> dict[str, Any]:
        ordered = sorted(self.latencies_s)
        return {
            "requests": self.requests,
            "replayed": self.replayed,
            "errors": self.errors,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "cost_usd": round(self.cost_usd, 6),
            "latency_mean_s": round(sum(ordered) / len(ordered), 4) if ordered else 0.0,
            "latency_p50_s": _compute_percentile(ordered, 50),
            "latency_p95_s": _compute_percentile(ordered, 95),
            "latency_p99_s": _compute_percentile(ordered, 99),
        }


def _compute_percentile(ordered: list[float], percent: int) -> float:
    """Returns the nearest-rank percentile, which is one of the values; 0 without any."""
    if not ordered:
        return 0.0
    return round(ordered[-(-percent * len(ordered) // 100) - 1], 4)
