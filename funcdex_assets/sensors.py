"""The sensor that watches the folder `toolkits/`: what is new or changed there becomes a run.

Here belongs what a tick finds and what it asks for. Which files are toolkits is the settings' business,
the keys of partitions are `partitions.py`'s. A tick keeps in its cursor, by partition, the hashes of the
files by which the partition is defined:

    {"acme": {"acme": "9d0c…"}, "acme_gmail": {"acme": "9d0c…"}}

A shipped file is not among them, so a partition that has only such files is not asked for.
"""

import json
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import dagster as dg

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools
from funcdex_assets.jobs import generate_dataset
from funcdex_assets.partitions import register
from funcdex_assets.settings import (
    LEGAL_TOOLKIT,
    TOOLKIT_FOLDER,
    Settings,
    SettingsError,
    load_settings,
    toolkit_files,
)

INTERVAL_S = 30
Hashes = Mapping[str, str]


@dataclass
class Look:
    """What one look at the files found.

    known:    partition → the hashes of its files, to be kept for the next look
    wanted:   the partitions that are new or changed, and can be made
    problems: files that are left aside, with the reason
    """

    known: dict[str, Hashes] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dg.sensor(
    job=generate_dataset,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Registers the partitions, and asks for those whose file in toolkits/ is new or changed.",
)
def watch_toolkits(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    try:
        settings = load_settings()
        register(context.instance, settings)
        if not settings.watch.enabled:
            return dg.SkipReason("watch.enabled is false")
        before = _read(context.cursor)
        found = look(settings, before, _made(context.instance, settings.partitions) if before is None else {})
    except (SettingsError, OSError) as error:
        return dg.SkipReason(str(error))
    for problem in found.problems:
        context.log.warning(problem)
    made = _made(context.instance, found.wanted)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=run_key(partition, found.known[partition], made.get(partition)), partition_key=partition
            )
            for partition in found.wanted
        ],
        skip_reason=None if found.wanted else "\n".join(["Nothing is asked for.", *found.problems]),
        cursor=json.dumps(found.known),
    )


def look(settings: Settings, before: Mapping[str, Hashes] | None, made: Container[str] = ()) -> Look:
    """Compares the files with `before`, what the last look found.

    The first look, which has None, wants only what lies in the folder and is not in `made`. What cannot be
    read, or is being written, is as it was before: the next look finds it again.
    """
    folder = settings.root / TOOLKIT_FOLDER
    found = Look(problems=_illegal_names(settings))
    for partition in settings.partitions:
        files = _watched(settings, partition)
        if not files:
            continue
        was = (before or {}).get(partition, {})
        try:
            now = _hashes(files)
            if before is None:
                wanted = partition not in made and any(path.parent == folder for path in files.values())
            else:
                wanted = any(was.get(name) != found_hash for name, found_hash in now.items())
            if wanted:
                _refuse_unusable(settings, partition)
                if _hashes(files) != now:
                    raise CatalogError(f"{', '.join(map(str, files.values()))}: being written at this moment")
        except (CatalogError, OSError) as error:
            found.problems.append(str(error))
            if was:
                found.known[partition] = was
        else:
            found.known[partition] = now
            if wanted:
                found.wanted.append(partition)
    found.problems = list(dict.fromkeys(found.problems))
    return found


def run_key(partition: str, hashes: Hashes, made: int | None) -> str:
    """The same for the same content, by which Dagster starts no second run for it.

    `made` is the event of the partition's last dataset: content that comes back after another was made is
    asked for again.

    >>> run_key("acme", {"acme": "9d0c"}, None)
    'acme-9d0c-after-nothing'
    """
    content = "-".join(hashes.values())
    return f"{partition}-{content}-after-{made or 'nothing'}"


def _watched(settings: Settings, partition: str) -> dict[str, Path]:
    """The partition's files that a user writes: those in the folder, and a bundle's own."""
    folder = settings.root / TOOLKIT_FOLDER
    own = {bundle.name for bundle in settings.bundles if bundle.tools}
    files = settings.tool_files(partition)
    return {name: path for name, path in files.items() if path.parent == folder or name in own}


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: blake2b(path.read_bytes(), digest_size=8).hexdigest() for name, path in files.items()}


def _refuse_unusable(settings: Settings, partition: str) -> None:
    try:
        load_tools(settings.tool_files(partition))
    except (CatalogError, OSError):
        raise
    except Exception as error:
        # Whatever one file holds, the others are still watched.
        raise CatalogError(f"{partition} cannot be read: {type(error).__name__}: {error}") from error


def _illegal_names(settings: Settings) -> list[str]:
    return [
        f"{path}: {name!r} is no name for a toolkit; rename the file to a lower-case letter followed by up to 39 "
        "lower-case letters, digits or hyphens"
        for name, path in toolkit_files(settings.root, settings.bundles).items()
        if not LEGAL_TOOLKIT.fullmatch(name)
    ]


def _made(instance: dg.DagsterInstance, partitions: Collection[str]) -> Mapping[str, int]:
    """Partition → the event of its last dataset, of those that have one."""
    if not partitions:
        return {}
    return instance.get_latest_storage_id_by_partition(
        dg.AssetKey("dataset"), dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions)
    )


def _read(cursor: str | None) -> dict[str, Hashes] | None:
    """A cursor that somebody set by hand to something else is none."""
    try:
        known = json.loads(cursor or "null")
    except ValueError:
        return None
    if not isinstance(known, dict) or not all(isinstance(hashes, dict) for hashes in known.values()):
        return None
    return known
