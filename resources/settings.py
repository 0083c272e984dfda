"""The settings of the project, with what one run wants otherwise."""

import dagster as dg
from pydantic import Field

from funcdex_assets.reports.plots import keep_font_cache
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.settings.settings import Settings


class SettingsResource(dg.ConfigurableResource[Settings]):
    """Reads the settings at the start of a run; a field that is given here replaces the file's."""

    project: dg.ResourceDependency[ProjectResource]
    seed: int | None = Field(default=None, ge=0, description="by default the seed in funcdex.yaml")
    conversations: int | None = Field(
        default=None, ge=1, description="conversations per partition; by default the number in funcdex.yaml"
    )

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # noqa: ARG002
        settings = self.project.load()
        keep_font_cache(settings.home)
        if self.seed is not None:
            settings = settings.model_copy(update={"seed": self.seed})
        if self.conversations is not None:
            generation = settings.generation.model_copy(update={"conversations": self.conversations})
            settings = settings.model_copy(update={"generation": generation})
        return settings
