"""The whole of de-duplication: embed the candidates, look them up, decide, remember.

One call for the asset; each step is a module beside this one.
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
    """Decides on all candidates of a partition and seed, and remembers them in place of earlier ones.

    `choose` says which of the kept ids are used, by default all: one that is not used after all may come
    again another night.

    The same call gives the same decisions again, whatever other partitions and seeds were added. Where what
    it was compared with has changed meanwhile, so that it would keep others than before, it is decided
    afresh against everything that is there.
    """
    batch = batch_of(partition, seed, toolkits, embedder.name, ids, texts)
    vectors, words = embedder.embed(texts), signatures(texts)

    def decide(afresh: bool) -> tuple[list[Decision], set[str]]:
        known = index.neighbours(batch, vectors, words, afresh=afresh)
        decisions = deduplicate(ids, vectors, words, known, thresholds)
        unlike = {decision.scenario_id for decision in decisions if decision.kept}
        return decisions, unlike if choose is None else unlike.intersection(choose(decisions))

    with index.turn():
        before = index.kept(batch)
        decisions, kept = decide(afresh=False)
        changed = before is not None and before != kept
        if changed:
            decisions, kept = decide(afresh=True)
        rows = [
            IndexedScenario(d.scenario_id, text, d.scenario_id in kept, d.cluster_id, vector, signature)
            for d, text, vector, signature in zip(decisions, texts, vectors, words, strict=True)
        ]
        index.replace(batch, rows, afresh=changed)
    return decisions
