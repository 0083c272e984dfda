"""The user's one file, `funcdex.yaml`, as typed settings.

Belongs here: the fields, their ranges and the error messages. The effect of a setting belongs to the
stages. Any field can be overridden from the environment, or from `.env` beside the file, with two underscores between a
section and its field:

    FUNCDEX_HOME=/data/funcdex  FUNCDEX_GENERATION__CONVERSATIONS=3  FUNCDEX_INFERENCE__PROFILE=vllm

Secrets are never settings: `inference.api_key_env` *names* the variable that holds the key.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariable

from funcdex_assets.catalog.toolkit_names import LEGAL_TOOLKIT, suggest_toolkit_name
from funcdex_assets.catalog.toolkit_terms import GREATEST_WEIGHT
from funcdex_assets.records.labels import RoleName
from funcdex_assets.records.suggestions import list_nearest_names, suggest_name
from funcdex_assets.settings.deduplication import Contamination, Deduplication
from funcdex_assets.settings.env_file import CONFIG_VARIABLE, ENV_FILE, apply_env_file
from funcdex_assets.settings.evaluation import Evaluation
from funcdex_assets.settings.generation import Generation, spread_total
from funcdex_assets.settings.inference import Endpoint, Inference
from funcdex_assets.settings.judging import Judging
from funcdex_assets.settings.publishing import Publishing
from funcdex_assets.settings.section import Section, SettingsError, explain_validation_error
from funcdex_assets.settings.settings_file import read_settings_file
from funcdex_assets.settings.toolkits import TOOLKIT_FOLDER, TOOLKIT_SUFFIXES, Bundle, Watch, list_toolkit_files
from funcdex_assets.settings.training import Training
from funcdex_assets.settings.variables import PREFIX, refuse_unknown_variables

DEFAULT_CONFIG = "funcdex.yaml"
WORKSPACE_FILE = "workspace.yaml"
"""In the folder of the settings file: the code location under which Dagster shows the project."""


class Nightly(Section):
    """The schedule that regenerates every partition with the night's own seed."""

    enabled: bool = False
    cron: str = Field(default="0 2 * * *", description="minute, hour, day, month and weekday")
    time_zone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, cron: str) -> str:
        from croniter import CroniterBadDateError, croniter

        try:
            is_legal = len(cron.split()) == 5 or cron.strip().startswith("@")
            if not (is_legal and croniter.is_valid(cron)):
                raise ValueError("must be a cron line of five fields, such as '0 2 * * *'")
            croniter(cron).get_next()
        except CroniterBadDateError:
            raise ValueError("names a moment that never comes; write a line such as '0 2 * * *'") from None
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

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__")

    file: Path = Field(default=Path(DEFAULT_CONFIG), exclude=True, description="the settings file")
    root: Path = Field(default=Path(), exclude=True, description="folder of the settings file")
    shares: dict[str, int] = Field(
        default_factory=dict, exclude=True, description="by partition, how many conversations of a total it makes"
    )
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
    examples: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by partition, JSONL files with a team's own rows, for the train split alone: a path, or a list",
    )
    examples_weight: float = Field(
        default=1.0,
        gt=0,
        le=GREATEST_WEIGHT,
        allow_inf_nan=False,
        description="how much an own row counts beside a generated one, where the toolkit's file does not say",
    )
    generation: Generation = Generation()
    deduplication: Deduplication = Deduplication()
    judging: Judging = Judging()
    contamination: Contamination = Contamination()
    publishing: Publishing = Publishing()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    inference: Inference = Inference()
    nightly: Nightly = Nightly()

    @field_validator("bundles", mode="before")
    @classmethod
    def _parse_bundle_lines(cls, lines: Any) -> Any:
        if not isinstance(lines, list | tuple | None):
            return lines  # and pydantic says that it is no list
        return [{"name": line} if isinstance(line, str) else line for line in lines or ()]

    @field_validator("examples", mode="before")
    @classmethod
    def _parse_example_paths(cls, paths: Any) -> Any:
        if not isinstance(paths, dict):
            return paths  # and pydantic says that it is no mapping
        return {name: (value,) if isinstance(value, str) else value for name, value in paths.items()}

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
                    f"toolkits: {toolkit!r} is not a legal name{suggest_toolkit_name(toolkit)}; use a lower-case "
                    "letter followed by up to 39 lower-case letters, digits or hyphens (the underscore joins "
                    "toolkits into a bundle)"
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
                    f"workflows: {name!r} is neither a toolkit nor a bundle{suggest_name(name, self.partitions)}; "
                    f"there are {list_nearest_names(name, self.partitions)}"
                )
            if not workflow.strip() or len(workflow) > 10_000:
                raise ValueError(f"workflows.{name}: write 1 to 10,000 characters, or remove it")
        for name in self.examples:
            if name not in self.partitions:
                raise ValueError(
                    f"examples: {name!r} is neither a toolkit nor a bundle{suggest_name(name, self.partitions)}; "
                    f"there are {', '.join(self.partitions)}"
                )
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
                raise ValueError(f"{field_path}: " + explain_validation_error(error, Endpoint)) from None
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

    def name_judge_engines(self) -> dict[str, str]:
        """Names the engines of those judges of the committee that have a name of their own, by that name."""
        endpoints = {
            str(member["name"]): self.inference.resolve_member_endpoint(member)
            for member in self.judging.members
            if member.get("name")
        }
        return {
            name: endpoint.profile if endpoint.profile == "offline" else f"{endpoint.profile}:{endpoint.model}"
            for name, endpoint in endpoints.items()
            if endpoint.profile == "offline" or endpoint.model
        }

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

    def generation_of(self, partition: str) -> Generation:
        """What is generated for a partition: as many conversations as its share, if there is a total."""
        count = self.shares.get(partition)
        return self.generation if count is None else self.generation.model_copy(update={"conversations": count})

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
        shipped = [path.stem for path in candidates[-1].parent.glob("*.yaml")]
        raise SettingsError(
            f"{name!r} has no tool definitions{suggest_name(name, shipped)}: "
            f"looked for {', '.join(str(path) for path in candidates)}; "
            f"put them into {candidates[0]} or remove {name!r} from funcdex.yaml"
        )


def find_settings_path() -> Path:
    """Returns the path of the settings file: $FUNCDEX_CONFIG, else ./funcdex.yaml."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG).absolute()


def load_settings(path: Path | None = None, *, with_tools: bool = True, **overrides: Any) -> Settings:
    """Reads the settings file: `path`, else $FUNCDEX_CONFIG, else ./funcdex.yaml.

    A field comes from `overrides`, which are top-level fields, else from the shell, else from `.env` beside the file,
    else from the file, else it has its default. Relative paths are resolved against the file's folder. Every
    toolkit's definition file must exist (unless not `with_tools`); what is in it is not read.

    Raises:
        SettingsError: names the file, the field, the value and the remedy.
    """
    path = Path(path).absolute() if path else find_settings_path()
    apply_env_file(path.with_name(ENV_FILE))
    if not path.is_file():
        raise SettingsError(
            f"No settings file at {path}; run in the project's folder, make a project with `funcdex init FOLDER`, "
            f"give --config FILE, or set {CONFIG_VARIABLE}"
        )
    content, variables = read_settings_file(path)
    for name in content:
        if name in Settings.model_fields and Settings.model_fields[name].exclude:
            raise SettingsError(f"{path}: {name}: unknown setting; check the spelling")  # it is the program's own
    _let_nearer_count_win(content)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    try:
        settings = FromFile(file=path, root=path.parent, shares={}, **overrides)
    except ValidationError as error:
        raise SettingsError(f"{path}: " + explain_validation_error(error, Settings)) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{path}: {error}; lists and mappings are set as JSON, such as '[\"gmail\"]'") from None
    refuse_unknown_variables(Settings, variables | _list_key_variables(settings))
    try:
        home = path.parent / settings.home.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{path}: home: {error} (value {str(settings.home)!r})") from None
    settings = settings.model_copy(update={"home": home})
    if settings.generation.total_conversations is not None:
        try:
            settings = share_total(settings, settings.generation.total_conversations)
        except ValueError as error:
            raise SettingsError(f"{path}: generation.total_conversations: {error}") from None
    for partition in settings.partitions if with_tools else ():
        settings.find_tool_files(partition)
    return settings


def share_total(settings: Settings, total: int, partitions: Sequence[str] = ()) -> Settings:
    """Returns the settings with a total of conversations spread over these partitions, by default over all.

    A partition's share depends on the list of partitions alone, not on which of them a run makes.

    Raises:
        ValueError: there are more partitions than conversations.
    """
    return settings.model_copy(update={"shares": spread_total(total, partitions or settings.partitions)})


def _let_nearer_count_win(content: dict[str, Any]) -> None:
    """Removes the file's count of conversations if the environment sets the other one: a count, or a total."""
    generation = content.get("generation")
    if isinstance(generation, dict):
        for name, other in (("conversations", "total_conversations"), ("total_conversations", "conversations")):
            if f"{PREFIX}GENERATION__{other.upper()}" in os.environ:
                generation.pop(name, None)


def _list_key_variables(settings: Settings) -> set[str]:
    """The variables that hold keys, which may begin like those of settings."""
    inference = settings.inference
    endpoints = [inference.resolve_endpoint(role) for role in (None, *inference.roles)]
    endpoints += [inference.resolve_member_endpoint(fields) for fields in settings.judging.members]
    evaluated = {endpoint.api_key_env for endpoint in settings.evaluation.endpoints if endpoint.api_key_env}
    return evaluated | {endpoint.api_key_env for endpoint in endpoints}
