"""The table of contents: the stages in the order in which data flows, and what runs them."""

import dagster as dg

from funcdex_assets import jobs, sensors
from funcdex_assets.assets import catalogue, conversations, people, publishing, quality, reporting, scenarios
from funcdex_assets.assets._stage import EXECUTOR
from funcdex_assets.settings import load_settings
from resources.embedder import EmbedderResource
from resources.inference import InferenceResource
from resources.settings import SettingsResource
from resources.tables import TableStoreResource
from resources.vector_index import VectorIndexResource

STAGES = (
    catalogue,  # tool_definitions, tool_graph, tool_chains
    scenarios,  # scenarios, deduplicated_scenarios
    people,  # personas, conversation_plans
    conversations,  # conversations, system_prompts
    quality,  # scored_, accepted_, rejected_, parsed_conversations
    publishing,  # deduplicated_conversations, dataset, dataset_release
    reporting,  # quality_report, release_report
)

_settings = load_settings()

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(STAGES),
    asset_checks=dg.load_asset_checks_from_modules(STAGES),
    jobs=jobs.JOBS,
    schedules=[jobs.nightly(_settings)],
    sensors=[sensors.watch_toolkits],
    resources={
        "settings": SettingsResource(),
        "tables": TableStoreResource(),
        "engine": InferenceResource(),
        "embedder": EmbedderResource(model=_settings.deduplication.embedder),
        "index": VectorIndexResource(path=str(_settings.home / "scenario_index")),
    },
    executor=EXECUTOR,
)
