"""The whole of de-duplication: embed the candidates, look them up, decide, remember.

One call for the asset; each step is a module beside this one.
"""

from collections.abc import Callable, Collection, Sequence

from funcdex_assets.dedup.embedding import Embedder
from funcdex_assets.dedup.index import IndexedScenario, ScenarioIndex, batch_of
from funcdex_assets.dedup.neighbours import Decision, Thresholds, deduplicate
from funcdex_assets.dedup.signatures import signatures


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
    """Decides on all candidates of a partition and seed, and remembers them in place of earlier ones.

    `choose` says which of the kept ids are used, by default all: one that is not used after all may come
    again another night.

    The same call gives the same decisions again, whatever other partitions and seeds were added.
    """
    batch = batch_of(partition, seed, toolkits, embedder.name, ids, texts)
    vectors, words = embedder.embed(texts), signatures(texts)
    with index.turn():
        known = index.neighbours(batch, vectors, words)
        decisions = deduplicate(ids, vectors, words, known, thresholds)
        chosen = set(ids if choose is None else choose(decisions))
        index.replace(
            batch,
            [
                IndexedScenario(
                    d.scenario_id, text, d.kept and d.scenario_id in chosen, d.cluster_id, vector, signature
                )
                for d, text, vector, signature in zip(decisions, texts, vectors, words, strict=True)
            ],
        )
    return decisions
