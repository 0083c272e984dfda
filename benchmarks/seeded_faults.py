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

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from offline import PARTITIONS, played
from seeded_damage import DAMAGES, apply_damage

from funcdex_assets.checks.findings import find_problems


def main(count: int, seed: int) -> int:
    count_per_partition = -(-count // len(PARTITIONS))
    cases = list(
        islice(
            (
                conversation.case
                for partition in PARTITIONS
                for conversation in played(partition, count_per_partition, seed=seed)
            ),
            count,
        )
    )
    started = time.process_time()
    clean = Counter(
        f"{finding.rule}{'' if finding.blocking else ' (minor)'}" for case in cases for finding in find_problems(case)
    )
    seconds = time.process_time() - started
    print(f"{'damage':26}{'applied':>9}{'found':>8}   by")
    missed, unapplied = 0, []
    for damage in DAMAGES:
        applied, found_by_rule = 0, Counter()
        for number, case in enumerate(cases):
            damaged_case = apply_damage(damage, case, seed + number)
            if damaged_case is not None:
                applied += 1
                rules = {finding.rule for finding in find_problems(damaged_case)}
                found_by_rule.update(rule for rule in damage.rules if rule in rules)
        found_by_every_rule = min((found_by_rule[rule] for rule in damage.rules), default=0)
        missed += applied - found_by_every_rule
        unapplied += [] if applied else [damage.name]
        print(f"{damage.name:26}{applied:>9}{found_by_every_rule:>8}   {', '.join(damage.rules)}")
    print(f"\n{len(DAMAGES)} damages, {missed} missed; findings on {len(cases)} undamaged conversations: {dict(clean)}")
    if unapplied:
        print(f"no place was found for {', '.join(unapplied)}; take more conversations")
    print(f"{1000 * seconds / len(cases):.2f} ms of CPU per conversation for all rules")
    return bool(missed or unapplied or any("(minor)" not in rule for rule in clean))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in (*sys.argv[1:], *("500", "42")[len(sys.argv) - 1 :]))))
