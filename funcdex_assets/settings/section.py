"""The base of every section of the settings, and the error of settings that cannot be used."""

import os
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
)

from funcdex_assets.records.errors import UserError


class SettingsError(UserError, ValueError):
    """The settings cannot be used; the message names the file, the field, the value and the remedy."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def explain_validation_error(error: ValidationError) -> str:
    """Puts every error into words: the field, the problem, the value, and the environment variable that it is from."""
    return "; ".join(_explain_detail(detail) for detail in error.errors())


def _explain_detail(error: Any) -> str:
    field_path = ".".join(str(step) for step in error["loc"])
    message = error["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    if error["type"] == "extra_forbidden":
        message = "unknown setting; check the spelling"
    value = f" (value {error['input']!r})" if field_path and error["type"] not in ("missing", "extra_forbidden") else ""
    variable = "FUNCDEX_" + "__".join(str(step) for step in error["loc"]).upper()
    origin = f", from the environment variable {variable}" if variable in os.environ else ""
    return f"{field_path}: {message}{value}{origin}" if field_path else message
