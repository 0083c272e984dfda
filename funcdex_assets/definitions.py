"""The table of contents: the stages in the order in which data flows, and what runs them.

Nothing is read when this module is imported. A workspace loads `defs`, which reads the settings of the folder that
it is started in; a project with definitions of its own merges what `build_definitions` makes:

    dg.Definitions.merge(mine, build_definitions(load_settings(Path("funcdex.yaml")), key_prefix="funcdex"))
"""

import re
from collections.abc import Sequence

import dagster as dg

from funcdex_assets.orchestration import freshness, jobs, toolkit_sensor
from funcdex_assets.orchestration.assets import (
    conversations,
    evaluation,
    models,
    personas_and_plans,
    publishing,
    quality,
    reporting,
    scenarios,
    tools,
    training,
)
from funcdex_assets.orchestration.resource_keys import EMBEDDER, ENGINE, INDEX, PROJECT, SETTINGS, TABLES
from funcdex_assets.orchestration.stage import EXECUTOR
from funcdex_assets.resources.embedder import EmbedderResource
from funcdex_assets.resources.inference import InferenceResource
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.resources.settings import SettingsResource
from funcdex_assets.resources.tables import TablesResource
from funcdex_assets.resources.vector_index import VectorIndexResource
from funcdex_assets.settings.settings import Settings, load_settings

STAGES = (
    tools,  # tool_definitions, tool_graph, tool_chains
    scenarios,  # scenarios, deduplicated_scenarios
    personas_and_plans,  # personas, conversation_plans
    conversations,  # conversations, system_prompts
    quality,  # scored_, accepted_, rejected_, parsed_conversations
    publishing,  # deduplicated_conversations, dataset, dataset_release
    reporting,  # quality_report, release_report
)
TRAINING_STAGES = (
    training,  # training_tokens, release_tokens
    models,  # finetuned_models, general_model
    evaluation,  # function_call_match, models_report
)
"""Not part of `generate_dataset`: they need the extra `train`, and only who trains needs them."""


def build_definitions(settings: Settings, key_prefix: str | Sequence[str] | None = None) -> dg.Definitions:
    """Everything that a project with these settings runs.

    `key_prefix` begins every asset key, and the names of jobs, schedule and sensor, so that they meet none of a
    project that they are merged into. Resource keys and the partitions begin with `funcdex_` in any case. No executor
    is given, because a project has one: the jobs bring their own. Definitions of one project can be merged once into a
    code location, because their resource keys have no prefix.

    Raises:
        ValueError: a part of the prefix cannot begin the name of a job.
    """
    prefix = [key_prefix] if isinstance(key_prefix, str) and key_prefix else list(key_prefix or ())
    for part in prefix:
        if not re.fullmatch(r"\w+", part, re.ASCII):
            raise ValueError(f"The key prefix {part!r} cannot begin names of jobs; use letters, digits and underscores")
    loaded = dg.load_assets_from_modules((*STAGES, *TRAINING_STAGES), key_prefix=prefix or None)
    assets = freshness.expect_every_night(
        [asset for asset in loaded if isinstance(asset, dg.AssetsDefinition)], settings.nightly
    )
    by_purpose = jobs.build_jobs(assets, prefix)
    generate_dataset = by_purpose[jobs.GENERATE_DATASET]
    project = ProjectResource(settings_file=str(settings.file))
    return dg.Definitions(
        assets=assets,
        jobs=[*by_purpose.values()],
        schedules=[jobs.build_nightly_schedule(settings, generate_dataset, prefix)],
        sensors=[
            toolkit_sensor.build_toolkit_sensor(settings.file, generate_dataset, prefix, settings.nightly),
            jobs.build_release_sensor(prefix),
        ],
        resources={
            PROJECT: project,
            SETTINGS: SettingsResource(project=project),
            TABLES: TablesResource(home=str(settings.home)),
            ENGINE: InferenceResource(project=project),
            EMBEDDER: EmbedderResource(model=settings.deduplication.embedder),
            INDEX: VectorIndexResource(path=str(settings.home / "scenario_index")),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The project in the folder that Dagster is started in; a run from the UI keeps a partition's failure to itself."""
    return dg.Definitions.merge(build_definitions(load_settings()), dg.Definitions(executor=EXECUTOR))


def whole_graph() -> dg.JobDefinition:
    """The job over every stage up to the dataset of the project in this folder: by this name a run finds it again."""
    return defs().resolve_job_def(jobs.GENERATE_DATASET)


def training_graph() -> dg.JobDefinition:
    """The job over the stages after the dataset: by this name a run finds it again."""
    return defs().resolve_job_def(jobs.TRAIN_MODELS)
