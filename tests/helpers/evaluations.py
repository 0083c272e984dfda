"""What the event log says, in the form in which the tests ask."""

import dagster as dg


def materialised(instance: dg.DagsterInstance, run_id: str) -> set[tuple[str, str]]:
    return {(event.asset_key.to_user_string(), event.partition) for event in _materialisations(instance, run_id)}


def metadata(instance: dg.DagsterInstance, run_id: str, stage: str, partition: str) -> dict:
    (event,) = [
        event
        for event in _materialisations(instance, run_id)
        if (event.asset_key.to_user_string(), event.partition) == (stage, partition)
    ]
    return dict(event.step_materialization_data.materialization.metadata)


def tags(instance: dg.DagsterInstance, run_id: str, stage: str, partition: str) -> dict:
    (event,) = [
        event
        for event in _materialisations(instance, run_id)
        if (event.asset_key.to_user_string(), event.partition) == (stage, partition)
    ]
    return dict(event.step_materialization_data.materialization.tags)


def judged(instance: dg.DagsterInstance, run_id: str) -> dict[tuple[str, str, str | None], bool]:
    """(asset, check, partition) → passed."""
    return {(e.asset_key.to_user_string(), e.check_name, e.partition): e.passed for e in evaluations(instance, run_id)}


def evaluations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    records = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [record.get_dagster_event().asset_check_evaluation_data for record in records]


def the_failed(instance: dg.DagsterInstance, run_id: str) -> dg.AssetCheckEvaluation:
    (evaluation,) = [found for found in evaluations(instance, run_id) if not found.passed]
    return evaluation


def _materialisations(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    records = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return [record.get_dagster_event() for record in records]
