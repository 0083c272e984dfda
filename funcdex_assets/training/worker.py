"""One of the processes of a training: `torchrun … -m funcdex_assets.training.worker FOLDER`.

FOLDER has the job that `training_job.py` wrote. The first process prints the progress, a line of JSON each time, and
leaves the finished checkpoint in the folder.
"""

import sys
from pathlib import Path

import msgspec

from funcdex_assets.training.data_parallel import joining_processes
from funcdex_assets.training.trainer import Progress
from funcdex_assets.training.training_job import hash_job, prepare_training, read_job


def main(work: Path) -> None:
    with joining_processes() as processes:
        job = read_job(work)
        trainer, _, _ = prepare_training(job, work, hash_job(job), processes)
        trainer.train(_print_progress if processes.is_first else lambda _: None)


def _print_progress(progress: Progress) -> None:
    print(msgspec.json.encode(progress).decode(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
