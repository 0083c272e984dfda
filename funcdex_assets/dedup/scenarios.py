"""Selects the scenario candidates that go on: unlike all known ones, and as many as each side of the split needs.

Belongs here: the selection by conversation kind and side of the split. The comparison belongs to `neighbours.py`.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from funcdex_assets.dedup.index import ScenarioIndex
from funcdex_assets.dedup.memory_index import deduplicate_batch
from funcdex_assets.dedup.neighbours import Decision, ScenarioThresholds
from funcdex_assets.dedup.signatures import compute_signatures
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.row_failures import RowFailure, work_without_failing
from funcdex_assets.records.scenario import DeduplicatedScenario, Scenario
from funcdex_assets.storage.frames import index_by


def deduplicate_scenarios(
    candidates: Sequence[Scenario],
    *,
    counts: Mapping[tuple[Kind, bool], int],
    partition: str,
    seed: int,
    toolkits: Sequence[str],
    embedder: Embedder,
    index: ScenarioIndex,
    thresholds: ScenarioThresholds,
) -> tuple[list[DeduplicatedScenario], list[RowFailure]]:
    """Returns every candidate with its status: kept, duplicate, or surplus; or failed, if it cannot be compared with
    others, and then the reasons why.

    `counts` says how many to keep of each kind on each side (True: held out for the test split). Where one side of a
    kind has too few, the other fills up. Later batches are compared with kept scenarios only.
    """
    by_id = index_by(candidates, "scenario_id")
    chosen_ids: set[str] = set()

    def choose_by_kind(decisions: Sequence[Decision]) -> set[str]:
        """Fills `chosen_ids` anew with the ids that are used."""
        chosen_ids.clear()
        unique = [by_id[decision.scenario_id] for decision in decisions if decision.is_kept]
        kinds: dict[Kind, None] = dict.fromkeys(kind for kind, _ in counts)
        for kind in kinds:
            of_kind = [scenario for scenario in unique if scenario.kind == kind]
            chosen = [
                scenario.scenario_id
                for side in (False, True)
                for scenario in [candidate for candidate in of_kind if candidate.held_out == side][
                    : counts.get((kind, side), 0)
                ]
            ]
            spare = [scenario.scenario_id for scenario in of_kind if scenario.scenario_id not in chosen]
            count = sum(number for (wanted_kind, _), number in counts.items() if wanted_kind == kind)
            chosen_ids.update(chosen + spare[: count - len(chosen)])
        return chosen_ids

    def compare_scenarios(comparable: Sequence[Scenario]) -> list[Decision]:
        return deduplicate_batch(
            [scenario.scenario_id for scenario in comparable],
            [scenario.text for scenario in comparable],
            partition=partition,
            seed=seed,
            toolkits=toolkits,
            embedder=embedder,
            index=index,
            thresholds=thresholds,
            choose_used_ids=choose_by_kind,
        )

    decisions, failures = work_without_failing(
        candidates,
        compare_scenarios,
        lambda scenario: scenario.scenario_id,
        probe=lambda scenario: (embedder.embed([scenario.text]), compute_signatures([scenario.text])),
    )
    decision_by_id = {decision.scenario_id: decision for decision in decisions}
    judged = [_add_decision(scenario, decision_by_id.get(scenario.scenario_id), chosen_ids) for scenario in candidates]
    return judged, failures


def _add_decision(scenario: Scenario, decision: Decision | None, chosen_ids: Collection[str]) -> DeduplicatedScenario:
    """Returns a scenario with its status; one without a decision failed, and is a cluster of its own."""
    fields = msgspec.structs.asdict(scenario)
    if decision is None:
        return DeduplicatedScenario(
            **fields,
            status="failed",
            duplicate_of=None,
            similarity=None,
            overlap=None,
            cluster_id=scenario.scenario_id,
        )
    return DeduplicatedScenario(
        **fields,
        status="kept" if decision.scenario_id in chosen_ids else "surplus" if decision.is_kept else "duplicate",
        duplicate_of=decision.duplicate_of,
        similarity=decision.similarity,
        overlap=decision.overlap,
        cluster_id=decision.cluster_id,
    )
