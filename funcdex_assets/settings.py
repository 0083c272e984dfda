"""The user's one file, `funcdex.yaml`, as typed settings.

Here belong the fields, their ranges and the error messages; what the settings *do* belongs to the
stages. Any field can be overridden from the environment, sections joined by two underscores:

    FUNCDEX_HOME=/data/funcdex  FUNCDEX_GENERATION__CONVERSATIONS=3  FUNCDEX_INFERENCE__PROFILE=vllm

Secrets are never settings: `inference.api_key_env` *names* the variable that holds the key.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from funcdex_assets.inference.protocol import Notation
from funcdex_assets.inference.usage import TokenPrice
from funcdex_assets.mix import DEFAULT_WEIGHTS, KINDS, cells
from funcdex_assets.records import Fault, Kind, Measure
from funcdex_assets.tool_graph.hold_out import HoldOut
from funcdex_assets.tool_graph.patterns import Pattern

CONFIG_VARIABLE = "FUNCDEX_CONFIG"
DEFAULT_CONFIG = "funcdex.yaml"
LEGAL_TOOLKIT = re.compile(r"[a-z][a-z0-9-]{0,39}")
TOOLKIT_FOLDER = "toolkits"
TOOLKIT_SUFFIXES = (".yaml", ".json")  # the first that there is defines the toolkit


class SettingsError(ValueError):
    """The settings cannot be used; the message names the file, the field, the value and the remedy."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bundle(Section):
    """Several toolkits used together; the partition is named after them, joined by underscores.

    `tools` may name a tool file that stands in for the members' own files.
    """

    name: str
    tools: str | None = None

    @property
    def toolkits(self) -> tuple[str, ...]:
        return tuple(self.name.split("_"))


class Watch(Section):
    """The folder `toolkits/` beside the settings file."""

    enabled: bool = Field(
        default=True,
        description="toolkit files in toolkits/ are toolkits even if funcdex.yaml does not list them, and the sensor "
        "asks for those that are new or changed",
    )


class ClarityWeights(Section):
    """How clearly users express themselves, as relative weights.

    excellent: everything needed is said at once · good: facts come with each request ·
    average: the assistant has to ask for what is missing
    """

    excellent: float = Field(default=0.35, ge=0)
    good: float = Field(default=0.40, ge=0)
    average: float = Field(default=0.25, ge=0)

    @model_validator(mode="after")
    def _some_weight(self) -> "ClarityWeights":
        if self.excellent + self.good + self.average <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class Bounds(Section):
    """How long a conversation may become that one_shot writes under the grammar.

    Characters are counted as such by gbnf; the other notations count a quarter as many tokens. Without them
    a weak model would never end.
    """

    turns: int = Field(default=8, ge=2, le=100, description="most turns; a plan that needs more gets them")
    steps: int = Field(default=4, ge=1, le=50, description="most calls, or groups of them, before a turn's reply")
    parallel: int = Field(default=3, ge=1, le=50, description="most calls of a group; 1 for no groups")
    text: int = Field(default=800, ge=4, le=100_000, description="most characters of what is said at once")
    string: int = Field(
        default=800, ge=12, le=100_000, description="most characters of an argument's string; a result's is a third"
    )
    items: int = Field(default=3, ge=0, le=1000, description="most items of an array")


class Generation(Section):
    """How much is generated, and of what kind."""

    conversations: int = Field(default=106, ge=1, le=1_000_000, description="conversations per partition")
    oversample: float = Field(
        default=1.7, ge=1, le=20, description="scenario candidates per conversation, for de-duplication"
    )
    test_share: float = Field(
        default=0.19, ge=0, le=0.9, description="share of conversations reserved for the test split"
    )
    hold_out: HoldOut = Field(
        default="chain",
        description="what the test split does not share with the train split: chains of tools, or functions, of "
        "which then test_share is called in the test split only",
    )
    min_calls: int = Field(default=2, ge=1, le=20, description="calls in the shortest chain, or for a goal")
    max_calls: int = Field(default=6, ge=1, le=20, description="calls in the longest chain, or for a goal")
    kinds: dict[Kind, NonNegativeFloat] = Field(
        default_factory=lambda: dict(DEFAULT_WEIGHTS),
        description="what conversations show, as relative weights; a kind that is not named has none, and one that the "
        "tools do not permit leaves its share to the others",
    )
    patterns: dict[Pattern, NonNegativeFloat] = Field(
        default_factory=dict,
        description="shapes of chains, as relative weights, such as {search_then_act: 3, single_call: 1}, where a kind "
        "permits several; by default chains are linked as the tool graph offers",
    )
    crossing: float = Field(
        default=1, ge=0, le=1, description="share of a bundle's chains of several calls that cross its toolkits"
    )
    faults: dict[Fault, NonNegativeFloat] = Field(
        default_factory=lambda: dict.fromkeys(get_args(Fault), 1),
        description="how calls go wrong, as relative weights; where a call permits none, another way is taken",
    )
    fault_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of multi_step, long_context and parallel conversations in which a call goes wrong",
    )
    reserve: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="plans per wanted conversation that are kept in reserve, for those that are rejected",
    )
    must_include: tuple[str, ...] = Field(
        default=(), description="tools of which each chain has at least one, in partitions that have any of them"
    )
    steering: bool = Field(
        default=True,
        description="tools and pairs of tools that were drawn less, also in earlier nights, are drawn more",
    )
    distractor_tools: int = Field(
        default=3,
        ge=0,
        le=100,
        description="tools offered beside those the conversation needs; in long_context up to 20, unless 0",
    )
    clarity: ClarityWeights = ClarityWeights()
    include_assistant_thoughts: bool = Field(
        default=False, description="assistants explain their next step in a thought"
    )
    min_tool_use_quality: int = Field(default=4, ge=1, le=5, description="lowest score that is accepted")
    strategy: Literal["simulate", "one_shot", "hybrid"] = Field(
        default="simulate",
        description="how conversations are made: turn by turn, in one answer, or turn by turn with some roles offline",
    )
    assistant_calls: Literal["auto", "constrained", "native"] = Field(
        default="auto",
        description="how a simulated assistant calls tools: as JSON under a schema, or as the server's own tool calls; "
        "auto is native for the profile openai",
    )
    tool_results: Literal["world", "model"] = Field(
        default="world", description="who makes tool results under simulate: the program, or the role tool_simulator"
    )
    offline_roles: tuple[Literal["user_simulator", "assistant"], ...] = Field(
        default=("user_simulator",), description="roles that the program plays under hybrid"
    )
    grammar: bool = Field(
        default=True, description="one_shot writes under the grammar; false for an endpoint that takes none"
    )
    bounds: Bounds = Bounds()
    corrections: int = Field(default=2, ge=0, le=20, description="times that one_shot has a faulty text corrected")
    regenerations: int = Field(default=1, ge=0, le=20, description="times that it is then written anew")
    max_conversation_tokens: int = Field(
        default=6000,
        ge=100,
        le=1_000_000,
        description="longest text of one_shot, in tokens; where a plan needs more turns than the bounds have, as much "
        "longer",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Generation":
        if not any(self.kinds.values()):
            raise ValueError(f"kinds gives no weight to any kind; give one to some of {', '.join(KINDS)}")
        if self.min_calls > self.max_calls:
            raise ValueError(
                f"min_calls ({self.min_calls}) is above max_calls ({self.max_calls}); lower one or raise the other"
            )
        if self.assistant_calls == "native" and self.include_assistant_thoughts:
            raise ValueError(
                "assistant_calls: native leaves no place for include_assistant_thoughts; set one of them otherwise"
            )
        return self

    def cells(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """How many accepted conversations of each kind are wanted on each side (True: held out for the test split).

        `possible` are the kinds that the tools permit.
        """
        held_out = round(self.conversations * self.test_share)
        if self.test_share and self.conversations > 1:
            held_out = max(1, held_out)
        return cells(self.conversations, held_out, self.kinds, possible)

    def candidates(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """Scenario candidates of each cell, from which duplicates are removed."""
        return {cell: ceil(count * self.oversample) for cell, count in self.cells(possible).items()}

    def planned(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """Plans of each cell: those wanted, and the reserve."""
        return {cell: count + ceil(count * self.reserve) for cell, count in self.cells(possible).items()}


class Deduplication(Section):
    """When two scenarios are the same, and two conversations; `docs/deduplication.md` has the measured figures."""

    embedder: Literal["minilm", "hashed_ngrams"] = "minilm"
    semantic_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="cosine from which scenarios are the same; by default the embedder's own",
    )
    lexical_threshold: float = Field(default=0.60, ge=0, le=1, description="overlap of words from which they are")
    conversations: bool = Field(
        default=True, description="near-duplicate conversations are left out of datasets and of the release"
    )
    conversation_semantic_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="cosine from which conversations of the same calls are the same; by default the embedder's own",
    )
    conversation_lexical_threshold: float = Field(
        default=0.50, ge=0, le=1, description="overlap of words from which they are"
    )


class Contamination(Section):
    """What a release must not share with evaluation sets; `docs/deduplication.md` has what the measures find."""

    evaluation_sets: tuple[str, ...] = Field(
        default=("bfcl",),
        description="what the release is compared with: files of JSON lines, and bfcl for those in the package "
        "bfcl-eval, where that is installed",
    )
    remove: tuple[Measure, ...] = Field(
        default=(), description="measures by which an overlapping conversation is left out of the release"
    )
    names_threshold: float = Field(
        default=0.5, ge=0, le=1, description="overlap of parameter names from which functions of one name are the same"
    )
    schemas_threshold: float = Field(
        default=1.0, ge=0, le=1, description="overlap of parameters with types from which functions of any name are"
    )
    schemas_min_parameters: int = Field(
        default=3, ge=1, le=100, description="fewer parameters than these are alike by chance"
    )
    ngram_size: int = Field(default=8, ge=3, le=50, description="words of an n-gram")
    ngrams_threshold: float = Field(
        default=0.5, ge=0, le=1, description="share of an item's n-grams from which a conversation holds it"
    )
    embeddings_threshold: float = Field(
        default=0.90, ge=0, le=1, description="cosine from which two user turns say the same"
    )

    @property
    def thresholds(self) -> dict[str, Any]:
        """What decides whether something overlaps, as `dedup.contamination.Limits` names it."""
        return {
            "names": self.names_threshold,
            "schemas": self.schemas_threshold,
            "schemas_min_parameters": self.schemas_min_parameters,
            "ngram_size": self.ngram_size,
            "ngrams": self.ngrams_threshold,
            "embeddings": self.embeddings_threshold,
        }


MOST_JUDGES = 15


class Judging(Section):
    """Who scores conversations."""

    committee: int | tuple[dict[str, Any], ...] = Field(
        default=1,
        description="judges of each conversation: how many, under different seeds, or of each of them the fields in "
        "which its endpoint differs from the judge's, and perhaps its name; scores are medians, their spread is told",
    )

    @field_validator("committee", mode="before")
    @classmethod
    def _some_judges(cls, committee: Any) -> Any:
        if isinstance(committee, list | tuple):
            for place, member in enumerate(committee):
                if not isinstance(member, dict):
                    raise ValueError(f"member {place} is no mapping; write {{}} for the judge as it is, or its fields")
            if 1 <= len(committee) <= MOST_JUDGES:
                return committee
        elif isinstance(committee, int) and not isinstance(committee, bool) and 1 <= committee <= MOST_JUDGES:
            return committee
        raise ValueError(f"write a number of judges, 1 to {MOST_JUDGES}, or a list of as many")

    @property
    def members(self) -> tuple[dict[str, Any], ...]:
        """One by one, the fields of each."""
        return ({},) * self.committee if isinstance(self.committee, int) else self.committee


OPENAI_KEY = "OPENAI_API_KEY"
RoleName = Literal[
    "scenario_writer",
    "persona_writer",
    "planner",
    "user_simulator",
    "assistant",
    "tool_simulator",
    "conversation_writer",
    "corrector",
    "system_prompt_writer",
    "judge",
]


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
        """The servers that are named, each once."""
        return tuple(dict.fromkeys(self.base_urls or ((self.base_url,) if self.base_url else ())))


class Serve(Section):
    """A server that a run starts for itself and stops at its end."""

    engine: Literal["vllm", "llama_cpp"] = Field(description="the same as the profile")
    model: str = Field(description="a model's name or folder for vllm, a .gguf file for llama_cpp")
    args: tuple[str, ...] = Field(default=(), description="further arguments of the server's own command")
    context: int = Field(default=16384, ge=512, description="tokens of one request and its answer")
    parallel: int = Field(default=8, ge=1, le=4096, description="requests that it works on at once")


class Inference(Endpoint):
    """Who plays the roles: the offline engine, or a server, and for some roles perhaps another."""

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
                endpoint = self.endpoint(role)
            except ValidationError as error:
                raise ValueError(f"roles.{role}: " + "; ".join(_explain(part) for part in error.errors())) from None
            if endpoint.profile == "offline" and self.roles[role].keys() - {"profile"}:
                raise ValueError(f"roles.{role}: the profile offline takes no other field; set roles.{role}.profile")
        return self

    def endpoint(self, role: RoleName | None = None) -> Endpoint:
        """Who is asked to play the role; without one, who plays those that are not named in `roles`."""
        return _differing(self, self.roles.get(role, {}) if role else {})

    def member(self, fields: Mapping[str, Any]) -> Endpoint:
        """A judge of the committee."""
        return _differing(self.endpoint("judge"), {name: fields[name] for name in fields if name != "name"})

    def served_at(self, base_url: str, model: str) -> Self:
        """The same, once the server of `serve` is there and calls its model so."""
        return self.model_copy(update={"base_url": base_url, "model": self.model or model, "serve": None})


def _differing(endpoint: Endpoint, other: Mapping[str, Any]) -> Endpoint:
    """The endpoint that differs in these fields; with another profile, it has nothing in common."""
    same = other.get("profile", endpoint.profile) == endpoint.profile
    fields: dict[str, Any] = {name: getattr(endpoint, name) for name in Endpoint.model_fields} if same else {}
    if other.keys() & {"base_url", "base_urls"}:
        fields |= {"base_url": None, "base_urls": ()}
    return Endpoint(**{**fields, **other})


class Nightly(Section):
    """The schedule that regenerates every partition with the night's own seed."""

    enabled: bool = False
    cron: str = "0 2 * * *"
    time_zone: str = "UTC"


class Settings(BaseSettings):
    """Everything in `funcdex.yaml`, resolved."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="FUNCDEX_", env_nested_delimiter="__")

    root: Path = Field(default=Path(), exclude=True, description="folder of the settings file")
    home: Path = Field(default=Path(".funcdex"), description="where tables, index, runs and releases are kept")
    seed: int = Field(default=42, ge=0)
    watch: Watch = Watch()
    bundles: tuple[Bundle, ...] = ()
    # After the three fields by which a file of the folder is found to be one of them.
    toolkits: tuple[str, ...] = Field(description="those listed, then those of the watched folder")
    workflows: dict[str, str] = Field(
        default_factory=dict,
        description="by partition, how its users work, in plain words: scenarios tell instances of it, and tools "
        "that it speaks of are drawn more",
    )
    generation: Generation = Generation()
    deduplication: Deduplication = Deduplication()
    judging: Judging = Judging()
    contamination: Contamination = Contamination()
    inference: Inference = Inference()
    nightly: Nightly = Nightly()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    @field_validator("bundles", mode="before")
    @classmethod
    def _bundle_lines(cls, lines: Any) -> Any:
        if not isinstance(lines, list | tuple | None):
            return lines  # and pydantic says that it is no list
        return [{"name": line} if isinstance(line, str) else line for line in lines or ()]

    @field_validator("toolkits")
    @classmethod
    def _with_those_of_the_folder(cls, listed: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not info.data.get("watch", Watch()).enabled:
            return listed
        files = toolkit_files(info.data["root"], info.data.get("bundles", ()))
        return (*listed, *(name for name in files if LEGAL_TOOLKIT.fullmatch(name) and name not in listed))

    @model_validator(mode="after")
    def _names(self) -> "Settings":
        if not self.toolkits:
            raise ValueError("toolkits: the list is empty; add at least one line, such as '- gmail'")
        for toolkit in self.toolkits:
            if not LEGAL_TOOLKIT.fullmatch(toolkit):
                raise ValueError(
                    f"toolkits: {toolkit!r} is not a legal name; use a lower-case letter followed by up to 39 "
                    "lower-case letters, digits or hyphens (the underscore joins toolkits into a bundle)"
                )
        for bundle in self.bundles:
            if len(bundle.toolkits) < 2:
                raise ValueError(
                    f"bundles: {bundle.name!r} names one toolkit; join at least two with underscores, "
                    "or move it to toolkits"
                )
            for toolkit in bundle.toolkits:
                if bundle.toolkits.count(toolkit) > 1:
                    raise ValueError(f"bundles: {bundle.name!r} names the toolkit {toolkit!r} twice; name it once")
                if toolkit not in self.toolkits:
                    raise ValueError(
                        f"bundles: {bundle.name!r} uses the toolkit {toolkit!r}, which is not listed under toolkits; "
                        f"add the line '- {toolkit}' there or rename the bundle"
                    )
        for name, workflow in self.workflows.items():
            if name not in self.partitions:
                raise ValueError(
                    f"workflows: {name!r} is neither a toolkit nor a bundle; there are {', '.join(self.partitions)}"
                )
            if not workflow.strip() or len(workflow) > 10_000:
                raise ValueError(f"workflows.{name}: write 1 to 10,000 characters, or remove it")
        seen: set[str] = set()
        for name in self.partitions:
            if name in seen:
                field = "toolkits" if name in self.toolkits else "bundles"
                raise ValueError(f"{field}: {name!r} is listed twice; remove one of the lines")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _endpoint_takes_grammar(self) -> "Settings":
        if self.generation.strategy == "one_shot" and self.generation.grammar:
            roles: tuple[RoleName, ...] = ("conversation_writer", "corrector")
            for role in roles:
                if self.inference.endpoint(role).profile == "openai":
                    raise ValueError(
                        f"generation.strategy one_shot has the role {role!r} write under a grammar, which the profile "
                        "'openai' cannot take; set inference.profile to vllm or llama_cpp, generation.strategy to "
                        "simulate, or generation.grammar to false"
                    )
        return self

    @model_validator(mode="after")
    def _committee_can_be_asked(self) -> "Settings":
        names: dict[str, int] = {}
        for number, member in enumerate(self.judging.members):
            place, name = f"judging.committee.{number}", member.get("name")
            try:
                endpoint = self.inference.member(member)
            except ValidationError as error:
                raise ValueError(f"{place}: " + "; ".join(_explain(part) for part in error.errors())) from None
            if endpoint.profile == "offline" and member.keys() - {"profile", "name"}:
                raise ValueError(f"{place}: the profile offline takes no other field than name; set {place}.profile")
            if name is None:
                continue
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"{place}.name: must be a text that is not empty (value {name!r})")
            if names.setdefault(name, number) != number:
                raise ValueError(f"{place}.name: {name!r} is the name of judge {names[name]}; give it another")
        return self

    @property
    def native_calls(self) -> bool:
        """Whether the assistant is asked for the server's own tool calls; the offline engine never is."""
        profile = self.inference.endpoint("assistant").profile
        if self.generation.assistant_calls == "auto":
            return profile == "openai" and not self.generation.include_assistant_thoughts
        return self.generation.assistant_calls == "native" and profile != "offline"

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partition keys in the order of the file: toolkits, then bundles."""
        return (*self.toolkits, *(bundle.name for bundle in self.bundles))

    def toolkits_of(self, partition: str) -> tuple[str, ...]:
        return tuple(partition.split("_"))

    def tool_files(self, partition: str) -> dict[str, Path]:
        """Where the partition's tools are defined: toolkit (or the bundle's name) → file.

        A file in the project's `toolkits/` folder comes before a shipped one.
        """
        for bundle in self.bundles:
            if bundle.name == partition and bundle.tools:
                return {partition: self._existing(partition, [self.root / bundle.tools])}
        shipped = Path(__file__).parent / "catalog" / "toolkits"
        return {
            toolkit: self._existing(
                toolkit,
                [
                    folder / f"{toolkit}{suffix}"
                    for folder in (self.root / TOOLKIT_FOLDER, shipped)
                    for suffix in TOOLKIT_SUFFIXES
                ],
            )
            for toolkit in self.toolkits_of(partition)
        }

    def _existing(self, name: str, candidates: list[Path]) -> Path:
        for path in candidates:
            if path.is_file():
                return path
        raise SettingsError(
            f"{name!r} has no tool definitions: looked for {', '.join(str(path) for path in candidates)}; "
            f"put them into {candidates[0]} or remove {name!r} from funcdex.yaml"
        )


def toolkit_files(root: Path, bundles: Sequence[Bundle] = ()) -> dict[str, Path]:
    """What lies in the folder of toolkits: name → file, by name.

    The names need not be legal. Hidden files are not looked at, nor those that a bundle names as its own.
    """
    own = {(root / bundle.tools).resolve() for bundle in bundles if bundle.tools}
    files: dict[str, Path] = {}
    for suffix in TOOLKIT_SUFFIXES:
        for path in (root / TOOLKIT_FOLDER).glob(f"*{suffix}"):
            if path.is_file() and not path.name.startswith(".") and path.resolve() not in own:
                files.setdefault(path.stem, path)
    return dict(sorted(files.items()))


def settings_path() -> Path:
    """$FUNCDEX_CONFIG, else ./funcdex.yaml."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG).absolute()


def load_settings(path: Path | None = None, *, with_tools: bool = True, **overrides: Any) -> Settings:
    """Reads the settings file: `path`, else $FUNCDEX_CONFIG, else ./funcdex.yaml.

    Overrides are top-level fields. Relative paths are resolved against the file's folder. Every
    toolkit's definition file must exist (unless not `with_tools`); what is in it is not read.

    Raises:
        SettingsError: names the file, the field, the value and the remedy.
    """
    path = Path(path).absolute() if path else settings_path()
    if not path.is_file():
        raise SettingsError(f"No settings file at {path}; run in the project's folder or set {CONFIG_VARIABLE}")
    _refuse_unreadable(path)

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=path)

    try:
        settings = FromFile(root=path.parent, **overrides)
    except ValidationError as error:
        raise SettingsError(f"{path}: " + "; ".join(_explain(part) for part in error.errors())) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{path}: {error}; lists and mappings are set as JSON, such as '[\"gmail\"]'") from None
    home = path.parent / settings.home.expanduser()
    settings = settings.model_copy(update={"home": home})
    for partition in settings.partitions if with_tools else ():
        settings.tool_files(partition)
    return settings


def _refuse_unreadable(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not readable YAML: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must be a mapping with the key 'toolkits', not {type(content).__name__}")


def _explain(part: Any) -> str:
    place = ".".join(str(step) for step in part["loc"])
    message = part["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    if part["type"] == "extra_forbidden":
        message = "unknown setting; check the spelling"
    value = f" (value {part['input']!r})" if place and part["type"] not in ("missing", "extra_forbidden") else ""
    variable = "FUNCDEX_" + "__".join(str(step) for step in part["loc"]).upper()
    origin = f", from the environment variable {variable}" if variable in os.environ else ""
    return f"{place}: {message}{value}{origin}" if place else message
