"""The project that the other resources belong to, by its settings file.

It is a resource of its own, because the configuration of one run replaces all of a resource's fields: a run that asks
the settings for another seed must not lose the file.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from funcdex_assets.settings.settings import Settings, load_settings


class ProjectResource(dg.ConfigurableResource):
    """Reads the settings when it is asked for them."""

    settings_file: str | None = Field(default=None, description="by default $FUNCDEX_CONFIG, else ./funcdex.yaml")

    def load(self, **overrides: Any) -> Settings:
        """Reads the settings file; overrides are top-level fields, checked as those of the file are."""
        return load_settings(Path(self.settings_file) if self.settings_file else None, **overrides)
