"""Settings of the engines that play the roles: endpoints, limits and prices. Keys are named, never given."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.records.labels import RoleName
from funcdex_assets.settings.section import Section, explain_validation_error

OPENAI_KEY = "OPENAI_API_KEY"


class Endpoint(Section):
    """A model, and the servers that have it."""

    profile: Literal["offline", "vllm", "llama_cpp", "openai"] = Field(
        default="offline", description="offline needs no model; openai is any OpenAI-compatible endpoint"
    )
    base_url: str | None = Field(default=None, description="of the server, e.g. http://127.0.0.1:8000/v1")
    base_urls: tuple[str, ...] = Field(default=(), description="of several servers of the same model")
    model: str | None = Field(default=None, description="the model's name on the server; needed unless offline")
    api_key_env: str = Field(
        default=OPENAI_KEY,
        description=f"name of the environment variable with the API key; vllm and llama_cpp are sent no key "
        f"while this is {OPENAI_KEY}, so that an OpenAI key never reaches another server by accident",
    )
    concurrency: int = Field(default=32, ge=1, le=4096, description="requests in flight, over all servers")
    timeout_s: float = Field(default=300, gt=0, description="per try")
    retries: int = Field(default=5, ge=0, le=100, description="tries after the first, over all servers")
    requests_per_minute: int | None = Field(default=None, ge=1, description="limit of each server; none by default")
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="limit of each server, prompts and answers together; none by default"
    )
    notation: Notation | None = Field(
        default=None, description="how grammars are written: gbnf, lark, structural_tag; by default the profile's own"
    )

    @model_validator(mode="after")
    def _one_kind_of_url(self) -> Self:
        if self.base_url and self.base_urls:
            raise ValueError("base_url and base_urls are both set; list all servers in base_urls")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the named servers, each once."""
        return tuple(dict.fromkeys(self.base_urls or ((self.base_url,) if self.base_url else ())))


class Serve(Section):
    """A server that a run starts for itself and stops at its end."""

    engine: Literal["vllm", "llama_cpp"] = Field(description="the same as the profile")
    model: str = Field(description="a model's name or folder for vllm, a .gguf file for llama_cpp")
    args: tuple[str, ...] = Field(default=(), description="further arguments of the server's own command")
    context: int = Field(default=16384, ge=512, description="tokens of one request and its answer")
    parallel: int = Field(default=8, ge=1, le=4096, description="requests that it works on at once")


class Inference(Endpoint):
    """The engine that plays the roles: the offline engine or a server, with exceptions for single roles."""

    roles: dict[RoleName, dict[str, Any]] = Field(
        default_factory=dict,
        description="by role, the fields in which its endpoint differs; with another profile, what is not given "
        "is that profile's default",
    )
    prices: dict[str, TokenPrice] = Field(default_factory=dict, description="by model")
    serve: Serve | None = Field(default=None, description="a server that lives as long as the run")

    @model_validator(mode="after")
    def _roles_and_server(self) -> Self:
        if self.serve is not None:
            if self.serve.engine != self.profile:
                raise ValueError(
                    f"serve.engine is {self.serve.engine!r} and profile {self.profile!r}; give both the same value"
                )
            if self.urls:
                raise ValueError("serve starts a server of its own; remove base_url, or remove serve")
        for role in self.roles:
            try:
                endpoint = self.resolve_endpoint(role)
            except ValidationError as error:
                raise ValueError(f"roles.{role}: " + explain_validation_error(error, Endpoint)) from None
            if endpoint.profile == "offline" and self.roles[role].keys() - {"profile"}:
                raise ValueError(f"roles.{role}: the profile offline takes no other field; set roles.{role}.profile")
        return self

    def resolve_endpoint(self, role: RoleName | None = None) -> Endpoint:
        """Returns the endpoint that plays a role; without a role, the one for roles that `roles` does not name."""
        return _override_endpoint(self, self.roles.get(role, {}) if role else {})

    def resolve_member_endpoint(self, fields: Mapping[str, Any]) -> Endpoint:
        """Returns the endpoint of a committee member, from the fields in which it differs from the judge."""
        return _override_endpoint(
            self.resolve_endpoint("judge"), {name: fields[name] for name in fields if name != "name"}
        )

    def served_at(self, base_url: str, model: str) -> Self:
        """Returns a copy for the started server of `serve`: with its address and the name that it gives the model."""
        return self.model_copy(update={"base_url": base_url, "model": self.model or model, "serve": None})


def _override_endpoint(endpoint: Endpoint, overrides: Mapping[str, Any]) -> Endpoint:
    """Returns the endpoint with these fields replaced; if the profile differs, nothing else is inherited."""
    same = overrides.get("profile", endpoint.profile) == endpoint.profile
    fields: dict[str, Any] = {name: getattr(endpoint, name) for name in Endpoint.model_fields} if same else {}
    if overrides.keys() & {"base_url", "base_urls"}:
        fields |= {"base_url": None, "base_urls": ()}
    return Endpoint(**{**fields, **overrides})
