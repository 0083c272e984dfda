"""Which scenario candidates go on: unlike all known ones, and as many as each split needs."""

from collections.abc import Mapping, Sequence

import msgspec

from funcdex_assets.dedup.index import ScenarioIndex
from funcdex_assets.dedup.memory_index import deduplicate_batch
from funcdex_assets.dedup.neighbours import Decision, Thresholds
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.scenario import DeduplicatedScenario, Scenario
from funcdex_assets.storage.frames import rows_by


def deduplicate_scenarios(
    candidates: Sequence[Scenario],
    *,
    wanted: Mapping[tuple[Kind, bool], int],
    partition: str,
    seed: int,
    toolkits: Sequence[str],
    embedder: Embedder,
    index: ScenarioIndex,
    thresholds: Thresholds,
) -> list[DeduplicatedScenario]:
    """`wanted` says how many to keep of each kind on each side (True: held out for the test split).

    Where one side of a kind is short, the other fills up. Only kept scenarios are remembered.
    """
    by_id = rows_by(candidates, "scenario_id")
    kept: set[str] = set()

    def choose(decisions: Sequence[Decision]) -> set[str]:
        kept.clear()
        unique = [by_id[decision.scenario_id] for decision in decisions if decision.kept]
        kinds: dict[Kind, None] = dict.fromkeys(kind for kind, _ in wanted)
        for kind in kinds:
            of_kind = [scenario for scenario in unique if scenario.kind == kind]
            chosen = [
                scenario.scenario_id
                for side in (False, True)
                for scenario in [one for one in of_kind if one.held_out == side][: wanted.get((kind, side), 0)]
            ]
            spare = [scenario.scenario_id for scenario in of_kind if scenario.scenario_id not in chosen]
            count = sum(number for (other, _), number in wanted.items() if other == kind)
            kept.update(chosen + spare[: count - len(chosen)])
        return kept

    decisions = deduplicate_batch(
        [scenario.scenario_id for scenario in candidates],
        [scenario.text for scenario in candidates],
        partition=partition,
        seed=seed,
        toolkits=toolkits,
        embedder=embedder,
        index=index,
        thresholds=thresholds,
        choose=choose,
    )
    return [
        DeduplicatedScenario(
            **msgspec.structs.asdict(by_id[decision.scenario_id]),
            status="kept" if decision.scenario_id in kept else "surplus" if decision.kept else "duplicate",
            duplicate_of=decision.duplicate_of,
            similarity=decision.similarity,
            overlap=decision.overlap,
            cluster_id=decision.cluster_id,
        )
        for decision in decisions
    ]
