"""Ends a real `funcdex materialize` at many moments, and looks what is left: docs/log.md has the figures.

A moment is an event, not a time: a stage's line on standard output, or the line with which the command begins to end.
After each end the exit code, the run's status and the tables are looked at, and the same command is run to its end.

    python scripts/interrupt_often.py FOLDER     a project made by `funcdex init`, on the offline engine
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("funcdex")), "materialize", "gmail", "--conversations", "3"]
STAGES = 16
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def run_until(folder: Path, stage_number: int, number: int) -> tuple[int, list[str]]:
    """Runs the command, sends the signal when the stage of that number begins, and returns exit code and output."""
    process = subprocess.Popen(
        COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    lines: list[str] = []
    begun = 0
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.endswith(": 1 partition\n"):
            begun += 1
            if begun == stage_number:
                process.send_signal(number)
    return process.wait(), lines


def list_tables(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob(".funcdex/tables/*/gmail.parquet")}


def read_statuses(folder: Path) -> list[str]:
    """The statuses of all runs, the newest first."""
    script = (
        "from funcdex_assets.settings.settings import load_settings\n"
        "from funcdex_assets.orchestration.project_instance import open_instance\n"
        "with open_instance(load_settings()) as instance: print(*[run.status.value for run in instance.get_runs()])"
    )
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.split()


def main() -> None:
    """Prints a line for each moment, and the counts."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in a background job it is ignored, also by the commands
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    wanted = list_tables(folder)
    clean = right = 0
    moments = [(stage, number) for number in CODES for stage in range(1, STAGES + 1)]
    for stage, number in moments:
        code, lines = run_until(folder, stage, number)
        started = sum(line.endswith(": 1 partition") for line in lines)
        status = read_statuses(folder)[0]
        is_clean = code == CODES[signal.Signals(number)] and started == stage and status == "CANCELED"
        # The signal may come when the last stage is already done: then everything was made.
        is_done = stage == STAGES and code in (0, CODES[signal.Signals(number)])
        clean += is_clean or is_done
        again = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, check=False)
        right += again.returncode == 0 and list_tables(folder) == wanted
        name = signal.Signals(number).name
        print(
            f"stage {stage:2} {name:8} code {code} {status:9} begun {started:2} clean {is_clean or is_done}", flush=True
        )
    print(f"{clean} of {len(moments)} ended cleanly, {right} went on to the same tables")


if __name__ == "__main__":
    main()
