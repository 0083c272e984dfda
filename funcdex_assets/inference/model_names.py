"""Names the models that play the roles, as they may be published: without addresses, folders and keys.

Belongs here: what a published row says of an engine. An engine's own name, which the journal keeps answers under, is
its profile and its model as the server knows it; that may be a folder of somebody's machine.

>>> name_model("vllm:/data/models/Qwen3-8B"), name_model("openai:llama3:8b"), name_model("offline")
('Qwen3-8B', 'llama3:8b', 'offline')
>>> hide_places("offline (judge: vllm:/data/models/Qwen3-8B, persona_writer: openai:gpt-5)")
'offline (judge: vllm:Qwen3-8B, persona_writer: openai:gpt-5)'
"""

import re
from collections.abc import Iterable
from typing import get_args
from urllib.parse import urlsplit

from funcdex_assets.inference.profiles import PROFILES
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.inference.routing import list_engine_names
from funcdex_assets.records.conversation import RoleModel
from funcdex_assets.records.labels import RoleName

UNNAMED = "model"
"""Stands for a model whose name is an address and nothing else."""

# An address, or a path that says where on a machine it begins. `Qwen/Qwen3-8B` is neither. It ends where an engine's
# name goes on: at a bracket or a comma.
_PLACE = re.compile(r"(?<![^\s:(,])(?:[A-Za-z][\w+.-]*://|~[\w.-]*/|/|\.{1,2}/|[A-Za-z]:\\|\\\\)[^,()]*[^\s,()]")


def name_role_models(engine: InferenceEngine) -> tuple[RoleModel, ...]:
    """Names the model that plays each role, in the order of the roles."""
    return tuple(
        RoleModel(role=role, model=name_models(list_engine_names(engine, role))) for role in get_args(RoleName)
    )


def name_models(engine_names: Iterable[str]) -> str:
    """Names the models of several engines, each once, separated by commas as judges are."""
    return ", ".join(dict.fromkeys(map(name_model, engine_names)))


def name_model(engine_name: str) -> str:
    """Returns the name of an engine's model, without the profile and without the place that it lies at."""
    profile, separator, model = engine_name.partition(":")
    return hide_places(model if separator and profile in PROFILES else engine_name)


def hide_places(name: str) -> str:
    """Returns a name in which each address or path is cut to its last part."""
    return _PLACE.sub(lambda place: _find_last_part(place[0]), name)


def _find_last_part(place: str) -> str:
    path = urlsplit(place).path if "://" in place else place
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or UNNAMED
