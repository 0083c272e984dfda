"""De-duplicates a batch of scenario candidates: embeds them, looks them up, decides, and remembers them.

Belongs here: the order of these steps. Each step is a module beside this one: `embedding.py` and `signatures.py`,
`index.py`, `neighbours.py`.
"""

from collections.abc import Callable, Collection, Sequence

from funcdex_assets.dedup.index import IndexedScenario, ScenarioIndex, identify_batch
from funcdex_assets.dedup.neighbours import Decision, ScenarioThresholds, decide_duplicates
from funcdex_assets.dedup.signatures import compute_signatures
from funcdex_assets.embedding.embedder import Embedder


def deduplicate_batch(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    partition: str,
    seed: int,
    toolkits: Sequence[str],
    embedder: Embedder,
    index: ScenarioIndex,
    thresholds: ScenarioThresholds,
    choose_used_ids: Callable[[Sequence[Decision]], Collection[str]] | None = None,
) -> list[Decision]:
    """Decides on all candidates of a partition and seed, and replaces what was remembered of them.

    `choose_used_ids` returns which of the kept ids are used, by default all. An id that is not used is remembered as
    not kept, so that the scenario may come again another night.

    The same call returns the same decisions again, whatever other partitions and seeds were added. Only if the batches
    it was compared with have changed since, so that it would keep other candidates than before, it is decided afresh
    against everything in the index.
    """
    batch = identify_batch(partition, seed, toolkits, embedder.name, ids, texts)
    vectors, word_signatures = embedder.embed(texts), compute_signatures(texts)

    def decide_batch(afresh: bool) -> tuple[list[Decision], set[str]]:
        neighbours = index.find_neighbours(batch, vectors, word_signatures, afresh=afresh)
        decisions = decide_duplicates(ids, vectors, word_signatures, neighbours, thresholds)
        unique = {decision.scenario_id for decision in decisions if decision.is_kept}
        return decisions, unique if choose_used_ids is None else unique.intersection(choose_used_ids(decisions))

    with index.lock_turn():
        previous_ids = index.find_kept_ids(batch)
        decisions, kept_ids = decide_batch(afresh=False)
        changed = previous_ids is not None and previous_ids != kept_ids
        if changed:
            decisions, kept_ids = decide_batch(afresh=True)
        rows = [
            IndexedScenario(
                decision.scenario_id, text, decision.scenario_id in kept_ids, decision.cluster_id, vector, signature
            )
            for decision, text, vector, signature in zip(decisions, texts, vectors, word_signatures, strict=True)
        ]
        index.replace_batch(batch, rows, afresh=changed)
    return decisions
