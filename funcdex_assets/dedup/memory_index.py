"""De-duplicates a batch of scenario candidates: embeds them, looks them up, decides, and remembers them.

Belongs here: the order of these steps. Each step is a module beside this one: `embedding.py` and `signatures.py`,
`index.py`, `neighbours.py`.
"""

from collections.abc import Callable, Collection, Sequence

from funcdex_assets.dedup.index import IndexedScenario, ScenarioIndex, batch_of
from funcdex_assets.dedup.neighbours import Decision, Thresholds, deduplicate
from funcdex_assets.dedup.signatures import signatures
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
    thresholds: Thresholds,
    choose: Callable[[Sequence[Decision]], Collection[str]] | None = None,
) -> list[Decision]:
    """Decides on all candidates of a partition and seed, and replaces what was remembered of them.

    `choose` returns which of the kept ids are used, by default all. An id that is not used is remembered as not kept,
    so that the scenario may come again another night.

    The same call returns the same decisions again, whatever other partitions and seeds were added. Only if the batches
    it was compared with have changed since, so that it would keep other candidates than before, it is decided afresh
    against everything in the index.
    """
    batch = batch_of(partition, seed, toolkits, embedder.name, ids, texts)
    vectors, word_signatures = embedder.embed(texts), signatures(texts)

    def decide(afresh: bool) -> tuple[list[Decision], set[str]]:
        neighbours = index.neighbours(batch, vectors, word_signatures, afresh=afresh)
        decisions = deduplicate(ids, vectors, word_signatures, neighbours, thresholds)
        unique = {decision.scenario_id for decision in decisions if decision.kept}
        return decisions, unique if choose is None else unique.intersection(choose(decisions))

    with index.turn():
        previous_ids = index.kept(batch)
        decisions, kept_ids = decide(afresh=False)
        changed = previous_ids is not None and previous_ids != kept_ids
        if changed:
            decisions, kept_ids = decide(afresh=True)
        rows = [
            IndexedScenario(
                decision.scenario_id, text, decision.scenario_id in kept_ids, decision.cluster_id, vector, signature
            )
            for decision, text, vector, signature in zip(decisions, texts, vectors, word_signatures, strict=True)
        ]
        index.replace(batch, rows, afresh=changed)
    return decisions
