"""Assembles the engine that plays the roles from the settings.

The order of the layers belongs here, which is also the order in which a request goes through them:

    meter → role → journal → server (least busy) → rate limit → client

The meter counts answers that the journal replays as free; the journal is asked before any rate limit; a try on
another server is booked on that server's limit.

>>> assemble_engine(Inference(), Path("unused.sqlite")).name
'offline'
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from funcdex_assets.inference.balancing import BalancedEngine
from funcdex_assets.inference.journal import Journal, JournaledEngine
from funcdex_assets.inference.limits import RateLimiter
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.openai_compatible import NO_KEY, OpenAICompatibleEngine
from funcdex_assets.inference.profiles import PROFILES
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.inference.routing import RoutedEngine
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.settings.inference import OPENAI_KEY, Endpoint, Inference

LIMITS_FILE = "limits.sqlite"
"""The name of the file with the state of the rate limits, in the journal's folder."""


def assemble_engine(
    inference: Inference, journal_path: Path, committee: Sequence[Mapping[str, Any]] = ()
) -> UsageMeter | OfflineEngine:
    """Returns the offline engine, or probed, journaled and metered servers.

    `committee` has, for each member of the committee of judges, the settings in which it differs from the judge.

    Raises:
        InferenceError: a model or key is missing, no server of an endpoint answers, or one ignores constraints.
    """
    from funcdex_assets.roles.improvisations import IMPROVISATIONS

    endpoints = {role: inference.resolve_endpoint(role) for role in inference.roles}
    members = [inference.resolve_member_endpoint(fields) for fields in committee]
    default = inference.resolve_endpoint()
    offline = OfflineEngine(IMPROVISATIONS)
    settings_paths: dict[Endpoint, str] = {}
    settings_paths[default] = "inference"
    for role, endpoint in endpoints.items():
        settings_paths.setdefault(endpoint, f"inference.roles.{role}")
    for number, endpoint in enumerate(members):
        settings_paths.setdefault(endpoint, f"judging.committee.{number}")
    served = {
        endpoint: _build_balanced_engine(endpoint, journal_path.with_name(LIMITS_FILE), settings_path)
        for endpoint, settings_path in settings_paths.items()
        if endpoint.profile != "offline"
    }
    if not served:
        return offline
    _probe_engines(served.values())
    journal = Journal(journal_path)
    engines: dict[Endpoint, InferenceEngine] = {
        endpoint: JournaledEngine(engine, journal, endpoint.concurrency, engine.notation)
        for endpoint, engine in served.items()
    }
    routed = RoutedEngine(
        engines.get(default, offline),
        {role: engines.get(endpoint, offline) for role, endpoint in endpoints.items()},
        [engines.get(endpoint, offline) for endpoint in members],
    )
    return UsageMeter(routed, inference.prices)


def _build_balanced_engine(endpoint: Endpoint, limits_path: Path, settings_path: str) -> BalancedEngine:
    """Returns the servers of an endpoint as one engine; `settings_path` names the endpoint in error messages."""
    assert endpoint.profile != "offline"
    if not endpoint.model:
        raise InferenceError(
            f"Profile {endpoint.profile!r} needs a model; set {settings_path}.model to its name on the server",
            retryable=False,
        )
    key = _find_api_key(endpoint, settings_path)
    urls = endpoint.urls or (PROFILES[endpoint.profile].base_url,)
    engines = [
        OpenAICompatibleEngine(
            endpoint.profile,
            model=endpoint.model,
            base_url=url,
            api_key=key,
            concurrency=endpoint.concurrency,
            timeout_s=endpoint.timeout_s,
            retries=endpoint.retries,
            notation=endpoint.notation,
            limiter=RateLimiter(
                f"{url.rstrip('/')} {endpoint.model}",
                limits_path,
                requests_per_minute=endpoint.requests_per_minute,
                tokens_per_minute=endpoint.tokens_per_minute,
            ),
        )
        for url in urls
    ]
    return BalancedEngine(engines, concurrency=endpoint.concurrency, retries=endpoint.retries)


def _find_api_key(endpoint: Endpoint, settings_path: str) -> str:
    if endpoint.profile != "openai" and endpoint.api_key_env == OPENAI_KEY:
        return NO_KEY  # an OpenAI key must never reach another server by accident
    key = os.environ.get(endpoint.api_key_env, "")
    if not key:
        raise InferenceError(
            f"{settings_path}.api_key_env names {endpoint.api_key_env!r}, which is not set in the environment; "
            "put the API key there",
            retryable=False,
        )
    return key


def _probe_engines(engines: Iterable[BalancedEngine]) -> None:
    async def probe_and_close(engine: BalancedEngine) -> None:
        try:
            await engine.probe_servers()
        finally:
            await engine.close()

    async def probe_all() -> None:
        await asyncio.gather(*(probe_and_close(engine) for engine in engines))

    # In a thread of its own, because the caller may be a notebook, whose thread has a running event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, probe_all()).result()
