"""The base of every section of the settings, and the error of settings that cannot be used."""

from pydantic import (
    BaseModel,
    ConfigDict,
)

from funcdex_assets.records.errors import UserError


class SettingsError(UserError, ValueError):
    """The settings cannot be used; the message names the file, the field, the value and the remedy."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
