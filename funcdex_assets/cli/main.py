"""The command `funcdex`. Add a command here, in the order in which help lists it, and write it in a file of its own.

Dagster takes seconds to import, so a command that does not need it never does.
"""

import typer

from funcdex_assets.cli import (
    analyze,
    ask,
    backfill,
    catalog,
    config,
    contamination,
    demo,
    dev,
    evaluate,
    experiment,
    init,
    journal,
    judge,
    materialize,
    prune,
    push,
    releases,
    replay,
    serve,
    show,
    stats,
    train,
    world,
)
from funcdex_assets.cli.console import ErrorBoundary, choose_config

app = typer.Typer(
    cls=ErrorBoundary,
    help="Verified multi-turn function-calling datasets from tool definitions.",
    no_args_is_help=True,
    add_completion=False,
)
app.callback()(choose_config)
app.command("init")(init.create_project)
app.command("demo")(demo.run_demo)
app.command("materialize")(materialize.materialize_partitions)
app.command("backfill")(backfill.backfill_partitions)
app.command("train")(train.train_models)
app.command("dev")(dev.serve_ui)
app.command("show")(show.show_conversation)
app.command("stats")(stats.print_stats)
app.command("analyze")(analyze.print_quality_report)
app.command("replay")(replay.replay_conversations)
app.command("contamination")(contamination.compare_with_evaluation_sets)
app.command("judge")(judge.judge_rows)
app.command("evaluate")(evaluate.evaluate_models)
app.command("ask")(ask.ask_model)
app.command("world")(world.serve_world)
app.command("experiment")(experiment.run_experiment)
app.command("config")(config.print_settings)
app.command("prune")(prune.prune_home)
app.add_typer(releases.app, name="releases")
app.add_typer(push.app, name="push")
app.add_typer(catalog.app, name="catalog")
app.add_typer(journal.app, name="journal")
app.add_typer(serve.app, name="serve")
