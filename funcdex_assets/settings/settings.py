"""The user's one file, `funcdex.yaml`, as typed settings.

Belongs here: the fields, their ranges and the error messages. The effect of a setting belongs to the
stages. Any field can be overridden from the environment, sections joined by two underscores:

    FUNCDEX_HOME=/data/funcdex  FUNCDEX_GENERATION__CONVERSATIONS=3  FUNCDEX_INFERENCE__PROFILE=vllm

Secrets are never settings: `inference.api_key_env` *names* the variable that holds the key.
"""

import os
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    Field,
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

from funcdex_assets.catalog.toolkit_names import LEGAL_TOOLKIT
from funcdex_assets.settings.deduplication import Contamination, Deduplication
from funcdex_assets.settings.generation import Generation
from funcdex_assets.settings.inference import Inference, RoleName
from funcdex_assets.settings.judging import Judging
from funcdex_assets.settings.section import Section, SettingsError, explain_validation_error
from funcdex_assets.settings.toolkits import TOOLKIT_FOLDER, TOOLKIT_SUFFIXES, Bundle, Watch, list_toolkit_files

CONFIG_VARIABLE = "FUNCDEX_CONFIG"
DEFAULT_CONFIG = "funcdex.yaml"


class Nightly(Section):
    """The schedule that regenerates every partition with the night's own seed."""

    enabled: bool = False
    cron: str = Field(default="0 2 * * *", description="minute, hour, day, month and weekday")
    time_zone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, cron: str) -> str:
        # The whole grammar is Dagster's; this is what distinguishes a cron line from anything else.
        if not re.fullmatch(r"@\w+|(?:[\w*/,#?-]+\s+){4}[\w*/,#?-]+", cron.strip()):
            raise ValueError("must be a cron line of five fields, such as '0 2 * * *'")
        return cron

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone; write a name such as Europe/Berlin") from None
        return name


class Settings(BaseSettings):
    """Everything in `funcdex.yaml`, resolved."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="FUNCDEX_", env_nested_delimiter="__")

    file: Path = Field(default=Path(DEFAULT_CONFIG), exclude=True, description="the settings file")
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
    def _parse_bundle_lines(cls, lines: Any) -> Any:
        if not isinstance(lines, list | tuple | None):
            return lines  # and pydantic says that it is no list
        return [{"name": line} if isinstance(line, str) else line for line in lines or ()]

    @field_validator("toolkits")
    @classmethod
    def _add_folder_toolkits(cls, listed: tuple[str, ...], validation: ValidationInfo) -> tuple[str, ...]:
        if not validation.data.get("watch", Watch()).enabled:
            return listed
        files = list_toolkit_files(validation.data["root"], validation.data.get("bundles", ()))
        return (*listed, *(name for name in files if LEGAL_TOOLKIT.fullmatch(name) and name not in listed))

    @model_validator(mode="after")
    def _check_names(self) -> "Settings":
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
        checked_names: set[str] = set()
        for name in self.partitions:
            if name in checked_names:
                field = "toolkits" if name in self.toolkits else "bundles"
                raise ValueError(f"{field}: {name!r} is listed twice; remove one of the lines")
            checked_names.add(name)
        return self

    @model_validator(mode="after")
    def _check_grammar_endpoint(self) -> "Settings":
        if self.generation.strategy == "one_shot" and self.generation.grammar:
            roles: tuple[RoleName, ...] = ("conversation_writer", "corrector")
            for role in roles:
                if self.inference.resolve_endpoint(role).profile == "openai":
                    raise ValueError(
                        f"generation.strategy one_shot has the role {role!r} write under a grammar, which the profile "
                        "'openai' cannot take; set inference.profile to vllm or llama_cpp, generation.strategy to "
                        "simulate, or generation.grammar to false"
                    )
        return self

    @model_validator(mode="after")
    def _check_committee(self) -> "Settings":
        names: dict[str, int] = {}
        for number, member in enumerate(self.judging.members):
            field_path, name = f"judging.committee.{number}", member.get("name")
            try:
                endpoint = self.inference.resolve_member_endpoint(member)
            except ValidationError as error:
                raise ValueError(f"{field_path}: " + explain_validation_error(error)) from None
            if endpoint.profile == "offline" and member.keys() - {"profile", "name"}:
                raise ValueError(
                    f"{field_path}: the profile offline takes no other field than name; set {field_path}.profile"
                )
            if name is None:
                continue
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"{field_path}.name: must be a text that is not empty (value {name!r})")
            if names.setdefault(name, number) != number:
                raise ValueError(f"{field_path}.name: {name!r} is the name of judge {names[name]}; give it another")
        return self

    @property
    def native_calls(self) -> bool:
        """True if the assistant is asked for the server's own tool calls; never for the offline engine."""
        profile = self.inference.resolve_endpoint("assistant").profile
        if self.generation.assistant_calls == "auto":
            return profile == "openai" and not self.generation.include_assistant_thoughts
        return self.generation.assistant_calls == "native" and profile != "offline"

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partition keys in the order of the file: toolkits, then bundles."""
        return (*self.toolkits, *(bundle.name for bundle in self.bundles))

    def toolkits_of(self, partition: str) -> tuple[str, ...]:
        return tuple(partition.split("_"))

    def find_tool_files(self, partition: str) -> dict[str, Path]:
        """Finds the files that define the partition's tools, by toolkit (or by the bundle's name).

        A file in the project's `toolkits/` folder comes before a shipped one.
        """
        for bundle in self.bundles:
            if bundle.name == partition and bundle.tools:
                return {partition: self._find_existing(partition, [self.root / bundle.tools])}
        shipped = Path(__file__).parents[1] / "catalog" / "toolkits"
        return {
            toolkit: self._find_existing(
                toolkit,
                [
                    folder / f"{toolkit}{suffix}"
                    for folder in (self.root / TOOLKIT_FOLDER, shipped)
                    for suffix in TOOLKIT_SUFFIXES
                ],
            )
            for toolkit in self.toolkits_of(partition)
        }

    def _find_existing(self, name: str, candidates: list[Path]) -> Path:
        for path in candidates:
            if path.is_file():
                return path
        raise SettingsError(
            f"{name!r} has no tool definitions: looked for {', '.join(str(path) for path in candidates)}; "
            f"put them into {candidates[0]} or remove {name!r} from funcdex.yaml"
        )


def find_settings_path() -> Path:
    """Returns the path of the settings file: $FUNCDEX_CONFIG, else ./funcdex.yaml."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG).absolute()


def load_settings(path: Path | None = None, *, with_tools: bool = True, **overrides: Any) -> Settings:
    """Reads the settings file: `path`, else $FUNCDEX_CONFIG, else ./funcdex.yaml.

    Overrides are top-level fields. Relative paths are resolved against the file's folder. Every
    toolkit's definition file must exist (unless not `with_tools`); what is in it is not read.

    Raises:
        SettingsError: names the file, the field, the value and the remedy.
    """
    path = Path(path).absolute() if path else find_settings_path()
    if not path.is_file():
        raise SettingsError(
            f"No settings file at {path}; run in the project's folder, make a project with `funcdex init FOLDER`, "
            f"or set {CONFIG_VARIABLE}"
        )
    _refuse_unreadable(path)

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=path)

    try:
        settings = FromFile(file=path, root=path.parent, **overrides)
    except ValidationError as error:
        raise SettingsError(f"{path}: " + explain_validation_error(error)) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{path}: {error}; lists and mappings are set as JSON, such as '[\"gmail\"]'") from None
    try:
        home = path.parent / settings.home.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{path}: home: {error} (value {str(settings.home)!r})") from None
    settings = settings.model_copy(update={"home": home})
    for partition in settings.partitions if with_tools else ():
        settings.find_tool_files(partition)
    return settings


def _refuse_unreadable(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, KeyError) as error:  # ValueError: no UTF-8, or a date that no calendar has
        raise SettingsError(f"{path} is not readable YAML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must be a mapping with the key 'toolkits', not {type(content).__name__}")
    for key in content:
        if not isinstance(key, str):
            raise SettingsError(f"{path}: the key {key!r} is no name of a setting; check the spelling")
