"""Measures feedback over several nights: does drawing more of what a model did badly make the next one better?

    python benchmarks/feedback_rounds.py [--toolkit car] [--rounds 3] [--rows 800] [--seconds 60] [--strength 3]

Two projects begin with the same night. Each night, single requests are generated from the definitions of one plain
toolkit, a small model is trained from scratch on them, and its errors on the night's own test split are written; one
project steers its next night by them (`generation.feedback: latest`), the other does not. All models are measured on
the same requests of yet another night, which nobody trained on, and on the tools that the first model did worst.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from small_models import Workshop, describe, read_call_items

from funcdex_assets.evaluation.comparing import compare_models
from funcdex_assets.evaluation.metrics import EXACT_MATCH, ItemScore
from funcdex_assets.records.feedback import Weakness
from funcdex_assets.reports.model_evaluations import count_weaknesses
from funcdex_assets.tool_graph.feedback import locate_feedback, write_weaknesses
from funcdex_assets.training.token_rows import read_published_rows

ROOT = Path(__file__).parents[1]
ARMS = ("without feedback", "with feedback")
FIRST_SEED, MEASURING_SEED = 100, 999
WEAKEST = 5
"""Tools of the first model whose items are also measured apart."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toolkit", default="car", help="a file of examples/plain")
    parser.add_argument("--rounds", type=int, default=3, help="nights after the first")
    parser.add_argument("--rows", type=int, default=800, help="of a night")
    parser.add_argument("--seconds", type=float, default=60, help="CPU seconds of each training")
    parser.add_argument("--strength", type=float, default=3, help="generation.feedback_strength")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        projects = {arm: create_project(Path(folder) / arm.replace(" ", "_"), options.toolkit) for arm in ARMS}
        measuring = generate_night(projects[ARMS[0]], options, MEASURING_SEED, {})
        items = [item for file in ("train", "test") for item in read_call_items(measuring / f"{file}.jsonl")]
        weakest: frozenset[str] = frozenset()
        last: dict[str, list[ItemScore]] = {}
        for night in range(options.rounds + 1):
            for arm, project in projects.items():
                release = generate_night(project, options, FIRST_SEED + night, choose_settings(arm, night, options))
                workshop = Workshop(read_published_rows(release), items, options.seconds)
                own = read_call_items(release / "test.jsonl")
                scores, own_scores = workshop.train_and_score_all(workshop.train_rows, night, (items, own))
                weaknesses = count_weaknesses(own_scores, options.toolkit)
                write_weaknesses(locate_feedback(project / ".funcdex", options.toolkit), weaknesses)
                weakest = weakest or find_weakest_tools(weaknesses)
                among_weakest = [score for score in scores if weakest & {call.name for call in score.item.calls}]
                print(f"night {night}, {arm}: {describe(scores)}; weakest tools: {describe(among_weakest)}", flush=True)
                last[arm] = scores
        print("weakest tools of the first model: " + ", ".join(sorted(weakest)))
        for comparison in compare_models(last[ARMS[0]], last[ARMS[1]], ARMS, metrics=[EXACT_MATCH]):
            print(
                f"last night, with against without: {comparison.difference:+.3f} "
                f"[{comparison.low:+.3f}, {comparison.high:+.3f}], p = {comparison.p_value:.4f}"
            )


def create_project(folder: Path, toolkit: str) -> Path:
    run(folder.parent, {}, "init", str(folder))
    run(folder, {}, "catalog", "add", str(ROOT / "examples" / "plain" / f"{toolkit}.json"), "--toolkit", toolkit)
    return folder


def choose_settings(arm: str, night: int, options: argparse.Namespace) -> dict[str, str]:
    """Returns the variables of a night; the first is the same for both, since nothing was evaluated yet."""
    if arm == ARMS[0] or night == 0:
        return {}
    return {
        "FUNCDEX_GENERATION__FEEDBACK": "latest",
        "FUNCDEX_GENERATION__FEEDBACK_STRENGTH": str(options.strength),
    }


def generate_night(project: Path, options: argparse.Namespace, seed: int, variables: dict[str, str]) -> Path:
    """Makes a release of single requests by this seed; returns its folder."""
    settings = {
        "FUNCDEX_SEED": str(seed),
        "FUNCDEX_GENERATION__KINDS": '{"single_turn": 1}',
        "FUNCDEX_GENERATION__TEST_SHARE": "0.2",
        "FUNCDEX_PUBLISHING__CLOSED_BOOKS": "calls",
    }
    run(project, settings | variables, "materialize", options.toolkit, "--conversations", str(options.rows))
    datasets = project / ".funcdex" / "datasets" / options.toolkit
    return datasets / (datasets / "latest").read_text(encoding="utf-8").strip()


def run(folder: Path, variables: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "funcdex_assets.cli", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def find_weakest_tools(weaknesses: Sequence[Weakness]) -> frozenset[str]:
    tools = sorted((weakness.match, weakness.name) for weakness in weaknesses if weakness.aspect == "tool")
    return frozenset(name for _, name in tools[:WEAKEST])


if __name__ == "__main__":
    main(sys.argv[1:])
