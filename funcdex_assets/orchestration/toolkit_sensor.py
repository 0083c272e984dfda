"""The sensor that watches the folder `toolkits/`: what is new or changed there becomes a run.

Here belongs what a tick finds and what it asks for. Which files are toolkits is the settings' business,
the keys of partitions are the business of `partitions`. A tick keeps in its cursor, by partition, the hashes of the
files by which the partition is defined:

    {"acme": {"acme": "9d0c…"}, "acme_gmail": {"acme": "9d0c…"}}

A shipped file is not among them, so a partition that has only such files is not asked for.
"""

import json
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import dagster as dg

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools
from funcdex_assets.catalog.toolkit_names import LEGAL_TOOLKIT, suggest_toolkit_name
from funcdex_assets.orchestration.dagster_private import UnresolvedAssetJobDefinition
from funcdex_assets.orchestration.jobs import describe_nightly_change, qualify_name
from funcdex_assets.orchestration.partitions import register_partitions
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Nightly, Settings, load_settings
from funcdex_assets.settings.toolkits import TOOLKIT_FOLDER, list_toolkit_files

INTERVAL_S = 30
Hashes = Mapping[str, str]


@dataclass
class Look:
    """The result of one look at the files.

    hashes_by_partition: the hashes of each partition's files, to be kept for the next look
    changed_partitions:  the partitions that are new or changed, and can be made
    problems:            files that are left aside, with the reason
    """

    hashes_by_partition: dict[str, Hashes] = field(default_factory=dict)
    changed_partitions: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_toolkit_sensor(
    settings_file: Path,
    job: UnresolvedAssetJobDefinition,
    key_prefix: Sequence[str] = (),
    nightly: Nightly | None = None,
) -> dg.SensorDefinition:
    """The sensor of the project whose settings lie in `settings_file`, which each tick reads anew.

    `nightly` is the section with which the schedule was loaded: a tick says if the file's is another by now.
    """
    dataset = dg.AssetKey([*key_prefix, "dataset"])

    @dg.sensor(
        name=qualify_name("watch_toolkits", key_prefix),
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Registers the partitions, and asks for those whose file in toolkits/ is new or changed.",
    )
    def watch_toolkits(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            settings = load_settings(settings_file)
            register_partitions(context.instance, settings)
            if not settings.watch.enabled:
                return dg.SkipReason("watch.enabled is false")
            before = _read_cursor(context.cursor)
            first = before is None
            datasets = _find_datasets(context.instance, dataset, settings.partitions) if first else {}
            look = look_at_toolkits(settings, before, datasets)
        except (SettingsError, OSError) as error:
            return dg.SkipReason(str(error))
        if nightly is not None and (change := _describe_schedule(nightly, settings.nightly)):
            look.problems.append(change)
        for problem in look.problems:
            context.log.warning(problem)
        datasets = _find_datasets(context.instance, dataset, look.changed_partitions)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=name_run(partition, look.hashes_by_partition[partition], datasets.get(partition)),
                    partition_key=partition,
                )
                for partition in look.changed_partitions
            ],
            skip_reason=None if look.changed_partitions else "\n".join(["Nothing is asked for.", *look.problems]),
            cursor=json.dumps(look.hashes_by_partition),
        )

    return watch_toolkits


def _describe_schedule(loaded: Nightly, now: Nightly) -> str | None:
    if now.enabled and not loaded.enabled:
        return (
            "nightly.enabled is true by now; reload the code location (Deployment, Reload), or switch the schedule on"
        )
    return describe_nightly_change(loaded, now)


def look_at_toolkits(
    settings: Settings, before: Mapping[str, Hashes] | None, have_dataset: Container[str] = ()
) -> Look:
    """Compares the files with `before`, what the last look found.

    The first look, which has None, wants only what lies in the folder and is not in `have_dataset`. What cannot be
    read, or is being written, is as it was before: the next look finds it again.
    """
    folder = settings.root / TOOLKIT_FOLDER
    look = Look(problems=_report_illegal_names(settings))
    for partition in settings.partitions:
        files = _find_watched_files(settings, partition)
        if not files:
            continue
        was = (before or {}).get(partition, {})
        try:
            now = _hash_files(files)
            if before is None:
                is_wanted = partition not in have_dataset and any(path.parent == folder for path in files.values())
            else:
                is_wanted = any(was.get(name) != content for name, content in now.items())
            if is_wanted:
                _refuse_unusable(settings, partition)
                if _hash_files(files) != now:
                    raise CatalogError(f"{', '.join(map(str, files.values()))}: being written at this moment")
        except (CatalogError, OSError) as error:
            look.problems.append(str(error))
            if was:
                look.hashes_by_partition[partition] = was
        else:
            look.hashes_by_partition[partition] = now
            if is_wanted:
                look.changed_partitions.append(partition)
    look.problems = list(dict.fromkeys(look.problems))
    return look


def name_run(partition: str, hashes: Hashes, last_dataset: int | None) -> str:
    """The key of a run: the same for the same content, for which Dagster then starts no second run.

    `last_dataset` is the event of the partition's last dataset: content that comes back after another was made is
    asked for again.

    >>> name_run("acme", {"acme": "9d0c"}, None)
    'acme-9d0c-after-nothing'
    """
    content = "-".join(hashes.values())
    return f"{partition}-{content}-after-{last_dataset or 'nothing'}"


def _find_watched_files(settings: Settings, partition: str) -> dict[str, Path]:
    """The partition's files that a user writes: those in the folder, and a bundle's own."""
    folder = settings.root / TOOLKIT_FOLDER
    own = {bundle.name for bundle in settings.bundles if bundle.tools}
    files = settings.find_tool_files(partition)
    return {name: path for name, path in files.items() if path.parent == folder or name in own}


def _hash_files(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: blake2b(path.read_bytes(), digest_size=8).hexdigest() for name, path in files.items()}


def _refuse_unusable(settings: Settings, partition: str) -> None:
    try:
        load_tools(settings.find_tool_files(partition))
    except (CatalogError, OSError):
        raise
    except Exception as error:
        # Whatever one file holds, the others are still watched.
        raise CatalogError(f"{partition} cannot be read: {type(error).__name__}: {error}") from error


def _report_illegal_names(settings: Settings) -> list[str]:
    return [
        f"{path}: {name!r} is no name for a toolkit; rename the file{suggest_toolkit_name(name)} to a lower-case "
        "letter followed by up to 39 lower-case letters, digits or hyphens"
        for name, path in list_toolkit_files(settings.root, settings.bundles).items()
        if not LEGAL_TOOLKIT.fullmatch(name)
    ]


def _find_datasets(
    instance: dg.DagsterInstance, dataset: dg.AssetKey, partitions: Collection[str]
) -> Mapping[str, int]:
    """Partition → the event of its last dataset, of those that have one."""
    if not partitions:
        return {}
    return instance.get_latest_storage_id_by_partition(
        dataset, dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions)
    )


def _read_cursor(cursor: str | None) -> dict[str, Hashes] | None:
    """A cursor that somebody set by hand to something else is none."""
    try:
        known = json.loads(cursor or "null")
    except ValueError:
        return None
    if not isinstance(known, dict) or not all(isinstance(hashes, dict) for hashes in known.values()):
        return None
    return known
