"""The environment variables that are settings: every field has one, and what only looks like one is refused.

Belongs here: names. Their values are read by pydantic, and those of the `.env` file by `env_file`.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pydantic import BaseModel

from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.settings.env_file import CONFIG_VARIABLE
from funcdex_assets.settings.section import SettingsError

PREFIX = "FUNCDEX_"
OTHER_VARIABLES = (CONFIG_VARIABLE, "FUNCDEX_LIVE", "FUNCDEX_VLLM")
"""Variables that begin like settings and are none; the last two belong to the tests with real servers."""


def list_variables(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    """Lists the variables of all fields of the settings; those of the items of mappings, such as roles, are left out.

    >>> from funcdex_assets.settings.generation import ClarityWeights
    >>> list(list_variables(ClarityWeights, "FUNCDEX_CLARITY__"))
    ['FUNCDEX_CLARITY__EXCELLENT', 'FUNCDEX_CLARITY__GOOD', 'FUNCDEX_CLARITY__AVERAGE']
    """
    for name, field in model.model_fields.items():
        if field.exclude:
            continue  # a field of the program's own
        yield f"{prefix}{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from list_variables(field.annotation, f"{prefix}{name}__")


def refuse_unknown_variables(model: type[BaseModel], allowed: Collection[str]) -> None:
    """Refuses a variable that begins like a setting and is none: pydantic would leave it aside without a word.

    Fields of sections need no look, because pydantic refuses those that it does not know.

    Raises:
        SettingsError: names the variable and the nearest one that there is.
    """
    fields = {name.upper(): field for name, field in model.model_fields.items() if not field.exclude}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(PREFIX) or variable in OTHER_VARIABLES or variable in allowed:
            continue
        name, _, below = variable.upper().removeprefix(PREFIX).partition("__")
        if name not in fields or (below and fields[name].annotation in (int, Path)):
            known = [known.removeprefix(PREFIX) for known in (*list_variables(model), *OTHER_VARIABLES)]
            suggestion = suggest_name(variable.upper().removeprefix(PREFIX), known, PREFIX)
            raise SettingsError(
                f"The environment variable {variable} is no setting{suggestion}; correct or unset it "
                "(`funcdex config` lists all settings)"
            )
