"""The engine that plays the roles: that of `funcdex.yaml`, with what one run wants otherwise.

The fields are described and checked in `settings/inference.py`; here their types are as open as the launchpad needs.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from funcdex_assets.inference.journal import JOURNAL_FILE
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.orchestration.resource_keys import ENGINE
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.settings.inference import Endpoint, Inference, Serve
from funcdex_assets.settings.section import SettingsError, explain_validation_error

URLS = ("base_url", "base_urls")


def _describe_field(name: str, fields: type | None = None) -> Any:
    says = Inference.model_fields[name].description or name
    return Field(None, description=f"{says}: {', '.join(fields.model_fields)}" if fields else says)


class InferenceResource(dg.ConfigurableResource[InferenceEngine]):
    """Makes the engine: offline, or probed, journaled and metered servers; one server may be the run's own.

    A field that is given here replaces that of `funcdex.yaml`.
    """

    project: dg.ResourceDependency[ProjectResource]
    profile: str | None = _describe_field("profile")
    base_url: str | None = _describe_field("base_url")
    base_urls: list[str] | None = _describe_field("base_urls")
    model: str | None = _describe_field("model")
    api_key_env: str | None = _describe_field("api_key_env")
    concurrency: int | None = _describe_field("concurrency")
    timeout_s: float | None = _describe_field("timeout_s")
    retries: int | None = _describe_field("retries")
    requests_per_minute: int | None = _describe_field("requests_per_minute")
    tokens_per_minute: int | None = _describe_field("tokens_per_minute")
    notation: str | None = _describe_field("notation")
    roles: dict[str, Any] | None = _describe_field("roles", Endpoint)
    prices: dict[str, Any] | None = _describe_field("prices")
    serve: dict[str, Any] | None = _describe_field("serve", Serve)
    journal_path: str | None = Field(
        default=None,
        description="where answers are kept, so that none is asked for twice; by default in the project's home",
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[InferenceEngine]:
        from funcdex_assets.resources.assembly import assemble_engine  # openai and aiohttp, which only a run needs

        # The executor makes a run's resources once, in one process: a server is started once per run.
        settings = self.project.load()
        inference = self._override_settings(settings.inference)
        journal = Path(self.journal_path) if self.journal_path else settings.home / JOURNAL_FILE
        committee = settings.judging.members
        if inference.serve is None:
            yield assemble_engine(inference, journal, committee)
            return
        from funcdex_assets.inference.servers import ServerSpec, running_server

        spec = ServerSpec(**inference.serve.model_dump())
        progress = context.log.info if context.log else print
        with running_server(spec, journal.with_name("server.log"), progress) as base_url:
            yield assemble_engine(inference.served_at(base_url, spec.served_name), journal, committee)

    def _override_settings(self, inference: Inference) -> Inference:
        return override_inference(inference, self.model_dump(include=set(Inference.model_fields), exclude_none=True))


def override_inference(inference: Inference, overrides: Mapping[str, Any]) -> Inference:
    """The settings with some of their fields replaced; a new address replaces those of the file, be it one or several.

    Raises:
        SettingsError: they do not fit.
    """
    file = inference.model_dump(exclude=set(URLS) if overrides.keys() & set(URLS) else None)
    try:
        return Inference(**file | dict(overrides))
    except ValidationError as error:
        message = explain_validation_error(error)
        raise SettingsError(f"{ENGINE} in the run's configuration: {message}") from None


def read_engine_overrides(run_config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the settings' section `inference` that a run's configuration gives the engine, under its key."""
    config = run_config.get("resources", {}).get(ENGINE, {}).get("config") or {}
    return {
        name: os.environ.get(value["env"]) if isinstance(value, dict) and value.keys() == {"env"} else value
        for name, value in config.items()
        if name in Inference.model_fields
    }
