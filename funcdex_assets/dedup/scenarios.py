"""Selects the scenario candidates that go on: unlike all known ones, and as many as each side of the split needs.

Belongs here: the selection by conversation kind and side of the split. The comparison belongs to `neighbours.py`.
"""

from collections.abc import Mapping, Sequence

import msgspec

from funcdex_assets.dedup.index import ScenarioIndex
from funcdex_assets.dedup.memory_index import deduplicate_batch
from funcdex_assets.dedup.neighbours import Decision, ScenarioThresholds
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.labels import Kind
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
) -> list[DeduplicatedScenario]:
    """Returns every candidate with its status: kept, duplicate, or surplus.

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

    decisions = deduplicate_batch(
        [scenario.scenario_id for scenario in candidates],
        [scenario.text for scenario in candidates],
        partition=partition,
        seed=seed,
        toolkits=toolkits,
        embedder=embedder,
        index=index,
        thresholds=thresholds,
        choose_used_ids=choose_by_kind,
    )
    return [
        DeduplicatedScenario(
            **msgspec.structs.asdict(by_id[decision.scenario_id]),
            status="kept" if decision.scenario_id in chosen_ids else "surplus" if decision.is_kept else "duplicate",
            duplicate_of=decision.duplicate_of,
            similarity=decision.similarity,
            overlap=decision.overlap,
            cluster_id=decision.cluster_id,
        )
        for decision in decisions
    ]
