"""One of the processes of a training: `torchrun … -m funcdex_assets.training.worker FOLDER`.

FOLDER has the job that `training_job.py` wrote. The first process prints the progress, a line of JSON each time, and
leaves the finished checkpoint in the folder.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import msgspec

from funcdex_assets.training.data_parallel import ProcessGroup, joining_processes
from funcdex_assets.training.trainer import Progress
from funcdex_assets.training.training_job import hash_job, prepare_training, read_job


def main(work: Path) -> NoReturn:
    """Trains, and ends the process with 0, or with 1 and the traceback.

    The interpreter is not taken apart: if what averages the gradients is the last to let the process group go, it waits
    for gloo's thread, and the thread for Python's lock (torch 2.13).
    """
    code = 0
    try:
        with joining_processes() as processes:
            _train(work, processes)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _train(work: Path, processes: ProcessGroup) -> None:
    job = read_job(work)
    trainer, _, _ = prepare_training(job, work, hash_job(job), processes)
    trainer.train(_print_progress if processes.is_first else lambda _: None)


def _print_progress(progress: Progress) -> None:
    print(msgspec.json.encode(progress).decode(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
