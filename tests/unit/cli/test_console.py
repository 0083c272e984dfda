"""What the terminal of all commands does when it is no longer there."""

import subprocess
import sys

PRINT_TO_NOBODY = """
import sys
from funcdex_assets.cli.console import console
sys.stdin.readline()
for line in range(100):
    console.print(line)
print("went on", file=sys.stderr)
"""


def test_work_goes_on_when_nobody_reads_the_output_any_more():
    process = subprocess.Popen(
        [sys.executable, "-c", PRINT_TO_NOBODY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stderr.read() == "went on\n"
    assert process.wait() == 0
