"""The base of every section of the settings, and the error of settings that cannot be used."""

import os
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
)

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.suggestions import suggest_name


class SettingsError(UserError, ValueError):
    """The settings cannot be used; the message names the file, the field, the value and the remedy."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def explain_validation_error(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Puts every error into words: the field, the problem, the value, and the environment variable that it is from.

    An unknown field of `model`, or of one of its sections, is followed by the known field that is nearest to it.
    """
    return "; ".join(_explain_detail(detail, model) for detail in error.errors())


def _explain_detail(error: Any, model: type[BaseModel] | None) -> str:
    field_path = ".".join(str(step) for step in error["loc"])
    message = error["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    if error["type"] == "extra_forbidden":
        suggestion = suggest_name(str(error["loc"][-1]), _list_fields(model, error["loc"][:-1]))
        message = f"unknown setting{suggestion or '; check the spelling'}"
    value = f" (value {error['input']!r})" if field_path and error["type"] not in ("missing", "extra_forbidden") else ""
    variable = "FUNCDEX_" + "__".join(str(step) for step in error["loc"]).upper()
    origin = f", from the environment variable {variable}" if variable in os.environ else ""
    return f"{field_path}: {message}{value}{origin}" if field_path else message


def _list_fields(model: type[BaseModel] | None, path: tuple[str | int, ...]) -> list[str]:
    """Lists the fields of the section that the path leads to, below the model; none if it leads to no section."""
    for step in path:
        if isinstance(step, int) or model is None:
            continue  # an item of a list has the fields of the list's section
        field = model.model_fields.get(step)
        model = None if field is None else find_section(field.annotation)
    return [] if model is None else [name for name, field in model.model_fields.items() if not field.exclude]


def find_section(annotation: Any) -> type[BaseModel] | None:
    """Finds the section among the types that a field may have: itself, or within `X | None` and `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((section for part in get_args(annotation) if (section := find_section(part))), None)
