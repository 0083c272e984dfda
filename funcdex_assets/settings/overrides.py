"""Fields of a section that one run has otherwise than the file, as lines `NAME=VALUE`.

>>> override_training(Training(), ["epochs=null", "max_cpu_seconds=300", "model={layers: 2}"]).max_cpu_seconds
300.0
"""

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from funcdex_assets.settings.section import SettingsError, explain_validation_error
from funcdex_assets.settings.training import Training


def override_training(training: Training, lines: Sequence[str]) -> Training:
    """Returns the section with some fields replaced; values are written as in the file.

    Raises:
        SettingsError: a line is no field with a value, a field is unknown, or a value cannot be used.
    """
    overrides: dict[str, Any] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise SettingsError(f"training: {line!r} is no field with a value; write NAME=VALUE, such as epochs=1")
        try:
            overrides[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise SettingsError(f"training: the value of {line!r} cannot be read as YAML") from None
    try:
        return Training.model_validate({**training.model_dump(), **overrides})
    except ValidationError as error:
        raise SettingsError(f"training: {explain_validation_error(error, Training)}") from None
