"""Gathers what the toolkits of a partition say beside their tools: the policy, and a team's own rows.

Belongs here: which files belong to a partition. A bundle has what its toolkits have, and what is its own. What a
document may say is checked in `catalog/toolkit_terms.py`, the rows in `export/own_rows.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import read_terms
from funcdex_assets.catalog.toolkit_terms import join_policies
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.export.own_rows import explain_repeated_row, profile_own_rows, read_own_rows
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE, SpeechProfile, blend_profiles
from funcdex_assets.orchestration.left_out import report_left_out
from funcdex_assets.records.dataset import OwnRow
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.tool import Tool
from funcdex_assets.settings.settings import Settings

OWN_ROWS = "own_rows"
"""Under this name the own rows that cannot be used are kept, beside those that the stages leave out."""


def load_policy(settings: Settings, partition: str) -> str:
    """Loads the policies that are given with the partition's tools, joined; '' if there are none."""
    return join_policies(terms.policy for terms in read_terms(settings.find_tool_files(partition)).values())


def find_example_files(settings: Settings, partition: str) -> list[tuple[Path, float]]:
    """Finds the files of own rows with the weight of their rows, each file once.

    A path in a toolkit's file is sought from that file's folder, then, as one in the settings, from the project's.

    Raises:
        CatalogError: a file is missing.
    """
    weight_by_file: dict[Path, float] = {}
    weight_by_toolkit: dict[str, float] = {}
    tool_files = settings.find_tool_files(partition)
    for toolkit, terms in read_terms(tool_files).items():
        weight = settings.examples_weight if terms.examples_weight is None else terms.examples_weight
        weight_by_toolkit[toolkit] = weight
        for name in terms.examples:
            path = _find_file(name, [tool_files[toolkit].parent, settings.root], f"{tool_files[toolkit]}: examples")
            weight_by_file.setdefault(path, weight)
    for toolkit in dict.fromkeys([*settings.toolkits_of(partition), partition]):
        for name in settings.examples.get(toolkit, ()):
            path = _find_file(name, [settings.root], f"{settings.file}: examples.{toolkit}")
            weight_by_file.setdefault(path, weight_by_toolkit.get(toolkit, settings.examples_weight))
    return list(weight_by_file.items())


def load_own_rows(settings: Settings, partition: str, tools: Sequence[Tool]) -> tuple[list[OwnRow], list[RowFailure]]:
    """Loads the own rows of a partition, each once, and those that cannot be used, with the reasons.

    Raises:
        CatalogError: a file is missing, or cannot be read.
    """
    files = find_example_files(settings, partition)
    policy = load_policy(settings, partition) if files else ""
    rows: dict[str, OwnRow] = {}
    failures: list[RowFailure] = []
    for path, weight in files:
        try:
            own_rows, unusable = read_own_rows([path], tools, partition, weight=weight, system_prompt=policy)
        except OSError as error:
            raise CatalogError(f"{path} cannot be read: {error.strerror}; check the file of examples") from None
        for row in own_rows:
            first = rows.setdefault(row.row_id, row)
            if first is not row:
                failures.append(explain_repeated_row(row.place, first.place))
        failures += unusable
    return list(rows.values()), failures


def report_own_rows(settings: Settings, tables: TrustedTables, partition: str, tools: Sequence[Tool]) -> dict[str, Any]:
    """Returns metadata on the own rows of a partition: how many can be used, and why others cannot; empty if none are
    given. Those that cannot are kept in `left_out/own_rows/`.
    """
    own_rows, failures = load_own_rows(settings, partition, tools)
    left_out = report_left_out(tables, OWN_ROWS, partition, failures)
    if not own_rows and not failures:
        return {}
    renamed = {name.replace("left_out", "own_rows_left_out"): value for name, value in left_out.items()}
    speech = {"own_speech": asdict(profile_own_rows(own_rows, tools))} if own_rows else {}
    return {OWN_ROWS: len(own_rows), **renamed, **speech}


def profile_speech(own_rows: Sequence[OwnRow], tools: Sequence[Tool]) -> SpeechProfile:
    """Returns the forms of speech that generated requests shall have: those of the own rows, the more of them the
    nearer.
    """
    return blend_profiles(profile_own_rows(own_rows, tools)) if own_rows else DEFAULT_SPOKEN_PROFILE


def _find_file(name: str, folders: Sequence[Path], place: str) -> Path:
    candidates = list(dict.fromkeys((folder / name).resolve() for folder in folders))
    for path in candidates:
        if path.is_file():
            return path
    raise CatalogError(f"{place} names {name!r}, and there is no {' or '.join(map(str, candidates))}; correct the path")
