"""Reads `funcdex.yaml`: a mapping, in whose values variables of the environment may stand.

    home: ${DATA_FOLDER}/funcdex            an error if the variable is not set
    conversations: ${CONVERSATIONS:20}      20 if it is not set
    model: "${MODEL:1.5}"                   in quotes it stays text
    toolkits: ${TOOLKITS:[gmail, jira]}     a list, as YAML writes it
    gmail: pay the $${amount} due           the characters ${amount}

What a field must be is checked by `settings.py`. Secrets are no settings: `inference.api_key_env` names the variable.
"""

import os
import re
from pathlib import Path
from typing import Any

import yaml

from funcdex_assets.settings.section import SettingsError

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_]\w*)(?::(?P<default>[^}]*))?\}|\$\{")
_SECRET = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)


def read_settings_file(path: Path) -> tuple[dict[str, Any], set[str]]:
    """Returns the content with its variables filled in, and the names of these variables.

    Raises:
        SettingsError: it cannot be read, is no mapping, or a variable in it is not set; the key is named.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        try:
            root = loader.get_single_node()
            filler = _VariableFiller(path)
            content = None if root is None else loader.construct_document(filler.fill_node(root, ""))
        finally:
            loader.dispose()
    except SettingsError:
        raise
    except (yaml.YAMLError, ValueError, KeyError) as error:  # ValueError: no UTF-8, or a date that no calendar has
        raise SettingsError(f"{path} is not readable YAML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must be a mapping with the key 'toolkits', not {type(content).__name__}")
    for key in content:
        if not isinstance(key, str):
            raise SettingsError(f"{path}: the key {key!r} is no name of a setting; check the spelling")
    return content, filler.names


class _VariableFiller:
    """Fills variables into the nodes of one file; an anchor that is used twice is filled once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: set[str] = set()
        self._filled: dict[int, yaml.Node] = {}

    def fill_node(self, node: yaml.Node, key: str) -> yaml.Node:
        if id(node) not in self._filled:
            self._filled[id(node)] = node  # before its content, which may refer to it
            if isinstance(node, yaml.ScalarNode) and "${" in node.value:
                self._filled[id(node)] = self._fill_scalar(node, key)
            elif isinstance(node, yaml.SequenceNode):
                node.value = [self.fill_node(item, f"{key}.{index}") for index, item in enumerate(node.value)]
            elif isinstance(node, yaml.MappingNode):
                node.value = [
                    (name, self.fill_node(value, f"{key}.{name.value}".lstrip("."))) for name, value in node.value
                ]
        return self._filled[id(node)]

    def _fill_scalar(self, node: yaml.ScalarNode, key: str) -> yaml.Node:
        text = _VARIABLE.sub(lambda match: self._find_value(match, key), node.value)
        if node.style is not None:  # in quotes, or a block of text
            node.value = text
            return node
        try:
            whole = yaml.compose(text, Loader=yaml.SafeLoader) if text.startswith(("[", "{")) else None
        except yaml.YAMLError as error:
            raise SettingsError(f"{self.path}: {key}: {text!r} is no list or mapping: {error}") from None
        if whole is not None:
            return whole
        tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
        return yaml.ScalarNode(tag, text, node.start_mark, node.end_mark)

    def _find_value(self, match: re.Match[str], key: str) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            raise SettingsError(
                f"{self.path}: {key}: a variable is written ${{NAME}} or ${{NAME:default}}; write $${{ for the "
                f"characters ${{ (value {match.string!r})"
            )
        if _SECRET.search(name):
            raise SettingsError(
                f"{self.path}: {key}: ${{{name}}} is a secret by its name, and settings are shown and kept; give the "
                f"name alone, as in api_key_env: {name}"
            )
        self.names.add(name)
        value = os.environ.get(name, default)
        if value is None:
            raise SettingsError(
                f"{self.path}: {key}: the variable {name} is not set; set it in the shell or in .env, or write "
                f"${{{name}:default}}"
            )
        return value
