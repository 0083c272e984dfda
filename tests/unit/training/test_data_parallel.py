"""Two processes with half of the packs each are one process with all of them."""

import os
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny_training import job

from funcdex_assets.training.trainer import Progress
from funcdex_assets.training.training_job import TrainingFailedError, run_training_job

SAME = {"max_steps": 6, "packs_per_step": 3, "eval_interval": 3, "sample_rows": 0, "dropout": 0.0}


@pytest.fixture
def unknown_hostname(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own name is one that no name server knows, in every process that is started."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import socket\n"
        "socket.gethostname = lambda: 'unknown.invalid'\n"
        "socket.getfqdn = lambda name='': 'unknown.invalid'\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


@pytest.mark.concurrent
@pytest.mark.usefixtures("unknown_hostname")
def test_two_processes_train_the_model_of_one(tmp_path: Path):
    one = run_training_job(job(tmp_path / "one", **SAME))
    reports: list[Progress] = []
    two = run_training_job(job(tmp_path / "two", processes=2, **SAME), reports.append)
    assert [report.point.step for report in reports if report.tokens_per_second is not None] == list(range(1, 7))
    assert two.note.model_id == one.note.model_id, "the number of processes is not what a model is made of"
    assert two.note.curve[0].answer_loss == pytest.approx(one.note.curve[0].answer_loss)
    for ours, theirs in zip(two.note.curve[1:], one.note.curve[1:], strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        if ours.step % 3 == 0:
            assert ours.answer_loss == pytest.approx(theirs.answer_loss, rel=1e-4)
    weights, others = (load_file(Path(made.folder) / "model.safetensors") for made in (one, two))
    assert max(float((weights[name] - others[name]).abs().max()) for name in weights) < 1e-3


@pytest.mark.slow  # torchrun alone takes seconds
@pytest.mark.concurrent
def test_processes_that_fail_are_told_of_with_what_they_said(tmp_path: Path):
    broken = job(tmp_path, processes=2, **SAME)
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(TrainingFailedError, match=r"2 processes of the training of house ended with exit code 1"):
        run_training_job(broken)
