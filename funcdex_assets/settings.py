"""The user's one file, `funcdex.yaml`, as typed settings.

Here belong the fields, their ranges and the error messages; what the settings *do* belongs to the
stages. Any field can be overridden from the environment, sections joined by two underscores:

    FUNCDEX_HOME=/data/funcdex  FUNCDEX_GENERATION__CONVERSATIONS=3  FUNCDEX_INFERENCE__PROFILE=vllm

Secrets are never settings: `inference.api_key_env` *names* the variable that holds the key.
"""

import os
import re
from math import ceil
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

CONFIG_VARIABLE = "FUNCDEX_CONFIG"
DEFAULT_CONFIG = "funcdex.yaml"
LEGAL_TOOLKIT = re.compile(r"[a-z][a-z0-9-]{0,39}")


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


class Generation(Section):
    """How much is generated, and of what kind."""

    conversations: int = Field(default=106, ge=1, le=1_000_000, description="conversations per partition")
    oversample: float = Field(
        default=1.6, ge=1, le=20, description="scenario candidates per conversation, for de-duplication"
    )
    test_share: float = Field(
        default=0.19, ge=0, le=0.9, description="share of conversations reserved for the test split"
    )
    min_calls: int = Field(default=2, ge=1, le=20, description="calls in the shortest chain")
    max_calls: int = Field(default=6, ge=1, le=20, description="calls in the longest chain")
    distractor_tools: int = Field(
        default=3, ge=0, le=100, description="tools offered beside those the conversation needs"
    )
    clarity: ClarityWeights = ClarityWeights()
    include_assistant_thoughts: bool = Field(
        default=False, description="assistants explain their next step in a thought"
    )
    min_tool_use_quality: int = Field(default=4, ge=1, le=5, description="lowest score that is accepted")

    @model_validator(mode="after")
    def _ordered(self) -> "Generation":
        if self.min_calls > self.max_calls:
            raise ValueError(
                f"min_calls ({self.min_calls}) is above max_calls ({self.max_calls}); lower one or raise the other"
            )
        return self

    @property
    def candidates(self) -> int:
        """Scenario candidates per partition, from which duplicates are removed."""
        return ceil(self.conversations * self.oversample)

    @property
    def split_sizes(self) -> dict[bool, int]:
        """How many conversations are held out for the test split (True) and how many are not."""
        held_out = round(self.conversations * self.test_share)
        if self.test_share and self.conversations > 1:
            held_out = max(1, held_out)
        return {True: held_out, False: self.conversations - held_out}


class Deduplication(Section):
    """When two scenarios are the same; `docs/deduplication.md` has the measured precision and recall."""

    embedder: Literal["minilm", "hashed_ngrams"] = "minilm"
    semantic_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="cosine from which scenarios are the same; by default the embedder's own",
    )
    lexical_threshold: float = Field(default=0.60, ge=0, le=1, description="overlap of words from which they are")


class TokenPrice(Section):
    """Dollars per million tokens."""

    prompt: float = Field(default=0, ge=0)
    completion: float = Field(default=0, ge=0)
    cached: float | None = Field(default=None, ge=0)


class Inference(Section):
    """Who plays the roles: the offline engine, or a server."""

    profile: Literal["offline", "vllm", "llama_cpp", "openai"] = "offline"
    base_url: str | None = Field(default=None, description="of the server, e.g. http://127.0.0.1:8000/v1")
    model: str | None = Field(default=None, description="the model's name on that server")
    api_key_env: str = Field(default="OPENAI_API_KEY", description="name of the environment variable with the key")
    concurrency: int = Field(default=32, ge=1, le=4096, description="requests in flight")
    timeout_s: float = Field(default=300, gt=0, description="per request")
    retries: int = Field(default=5, ge=0, le=100)
    prices: dict[str, TokenPrice] = Field(default_factory=dict, description="by model")


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
    toolkits: tuple[str, ...]
    bundles: tuple[Bundle, ...] = ()
    generation: Generation = Generation()
    deduplication: Deduplication = Deduplication()
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
        seen: set[str] = set()
        for name in self.partitions:
            if name in seen:
                field = "toolkits" if name in self.toolkits else "bundles"
                raise ValueError(f"{field}: {name!r} is listed twice; remove one of the lines")
            seen.add(name)
        return self

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
                    for folder in (self.root / "toolkits", shipped)
                    for suffix in (".yaml", ".json")
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


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Reads the settings file: `path`, else $FUNCDEX_CONFIG, else ./funcdex.yaml.

    Overrides are top-level fields. Relative paths are resolved against the file's folder. Every
    toolkit's definition file must exist.

    Raises:
        SettingsError: names the file, the field, the value and the remedy.
    """
    path = Path(path or os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG).absolute()
    if not path.is_file():
        raise SettingsError(f"No settings file at {path}; run in the project's folder or set {CONFIG_VARIABLE}")
    _refuse_unreadable(path)

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=path)

    try:
        settings = FromFile(**overrides)
    except ValidationError as error:
        raise SettingsError(f"{path}: " + "; ".join(_explain(part) for part in error.errors())) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{path}: {error}; lists and mappings are set as JSON, such as '[\"gmail\"]'") from None
    home = path.parent / settings.home.expanduser()
    settings = settings.model_copy(update={"root": path.parent, "home": home})
    for partition in settings.partitions:
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
