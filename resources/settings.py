"""The settings of the project, with what one run wants otherwise."""

import dagster as dg
from pydantic import Field

from funcdex_assets.reports.plots import keep_font_cache
from funcdex_assets.resources.inference import override_inference, read_engine_overrides
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.settings.overrides import override_training
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Settings, share_total
from funcdex_assets.storage.home import prepare_home


class SettingsResource(dg.ConfigurableResource[Settings]):
    """Reads the settings at the start of a run; a field that is given here replaces the file's.

    So does one that the run gives the engine: what follows from it (native tool calls, prices, what the grammar
    permits) is the same as if it stood in the file.
    """

    project: dg.ResourceDependency[ProjectResource]
    seed: int | None = Field(default=None, ge=0, description="by default the seed in funcdex.yaml")
    conversations: int | None = Field(
        default=None, ge=1, description="conversations per partition; by default the number in funcdex.yaml"
    )
    total_conversations: int | None = Field(
        default=None, ge=1, description="in place of conversations: how many over all partitions, spread evenly"
    )
    total_over: list[str] | None = Field(
        default=None, description="the partitions over which the total is spread; by default all of funcdex.yaml"
    )
    allow_shrink: bool | None = Field(
        default=None, description="publish a release although it has less than half of what was asked for"
    )

    training: list[str] = Field(
        default=[], description="fields of the section training that differ from the file's, such as `epochs=1`"
    )

    def create_resource(self, context: dg.InitResourceContext) -> Settings:
        settings = self.project.load()
        engine_overrides = read_engine_overrides(context.run.run_config) if context.run else {}
        if engine_overrides:
            settings = self.project.load(inference=override_inference(settings.inference, engine_overrides))
        prepare_home(settings.home)
        keep_font_cache(settings.home)
        if self.seed is not None:
            settings = settings.model_copy(update={"seed": self.seed})
        if self.conversations is not None and self.total_conversations is not None:
            raise SettingsError("conversations and total_conversations are both given; give one of them")
        if self.conversations is not None:
            generation = settings.generation.model_copy(update={"conversations": self.conversations})
            settings = settings.model_copy(update={"generation": generation, "shares": {}})
        if self.total_conversations is not None:
            settings = share_total(settings, self.total_conversations, self.total_over or ())
        if self.allow_shrink is not None:
            publishing = settings.publishing.model_copy(update={"allow_shrink": self.allow_shrink})
            settings = settings.model_copy(update={"publishing": publishing})
        if self.training:
            settings = settings.model_copy(update={"training": override_training(settings.training, self.training)})
        return settings
