"""Damages good conversations in every known way, and counts which damage its rule finds.

    python benchmarks/seeded_faults.py [CONVERSATIONS] [SEED]

By default 500 conversations of the offline engine, over all partitions. Every damage must be found by each rule
that is made for it, and no blocking rule may object to a conversation that is not damaged. Exits with 1 otherwise.
"""

import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from offline import PARTITIONS, played
from seeded_damage import DAMAGES, damaged

from funcdex_assets.checks.findings import find


def main(count: int, seed: int) -> int:
    each = -(-count // len(PARTITIONS))
    cases = list(islice((one.case for partition in PARTITIONS for one in played(partition, each, seed=seed)), count))
    started = time.process_time()
    clean = Counter(
        f"{finding.rule}{'' if finding.blocking else ' (minor)'}" for case in cases for finding in find(case)
    )
    taken = time.process_time() - started
    print(f"{'damage':26}{'applied':>9}{'found':>8}   by")
    missed, nowhere = 0, []
    for damage in DAMAGES:
        applied, found = 0, Counter()
        for number, case in enumerate(cases):
            bad = damaged(damage, case, seed + number)
            if bad is not None:
                applied += 1
                rules = {finding.rule for finding in find(bad)}
                found.update(rule for rule in damage.rules if rule in rules)
        least = min((found[rule] for rule in damage.rules), default=0)
        missed += applied - least
        nowhere += [] if applied else [damage.name]
        print(f"{damage.name:26}{applied:>9}{least:>8}   {', '.join(damage.rules)}")
    print(f"\n{len(DAMAGES)} damages, {missed} missed; findings on {len(cases)} undamaged conversations: {dict(clean)}")
    if nowhere:
        print(f"no place was found for {', '.join(nowhere)}; take more conversations")
    print(f"{1000 * taken / len(cases):.2f} ms of CPU per conversation for all rules")
    return bool(missed or nowhere or any("(minor)" not in rule for rule in clean))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in (*sys.argv[1:], *("500", "42")[len(sys.argv) - 1 :]))))
