"""The command `funcdex`: materialise, backfill, look at what came of it.

Here belong arguments, progress bars and printing. Dagster takes seconds to import, so the commands
that do not need it never do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from funcdex_assets import cli_catalog, cli_replay
from funcdex_assets.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    help="Verified multi-turn function-calling datasets from tool definitions.",
    no_args_is_help=True,
    add_completion=False,
)
journal_app = typer.Typer(help="The answers of real models, kept so that none is paid for twice.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")
console = Console()
errors = Console(stderr=True)

SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed; by default the one in funcdex.yaml.")]
ConversationsOption = Annotated[
    int | None, typer.Option(min=1, help="Conversations per partition; by default as in funcdex.yaml.")
]
SelectOption = Annotated[
    list[str] | None, typer.Option("--select", help="A stage to run; repeat for several. By default all.")
]


@app.command()
def materialize(
    partitions: Annotated[list[str], typer.Argument(help="Toolkits or bundles, e.g. gmail gmail_googledrive.")],
    conversations: ConversationsOption = None,
    seed: SeedOption = None,
    select: SelectOption = None,
    example: Annotated[bool, typer.Option(help="Show one conversation at the end.")] = False,
) -> None:
    """Make the tables and the dataset of the named partitions."""
    settings = _settings()
    unknown = [partition for partition in partitions if partition not in settings.partitions]
    if unknown:
        _fail(f"{unknown[0]!r} is not a partition; there are: {', '.join(settings.partitions)}. Add it to funcdex.yaml")
    _run(settings, partitions, select, seed, conversations)
    if example:
        from funcdex_assets.show import print_example

        print_example(settings, partitions[0], console)


@app.command()
def backfill(conversations: ConversationsOption = None, seed: SeedOption = None, select: SelectOption = None) -> None:
    """Make every partition of funcdex.yaml, and the release over all of them."""
    settings = _settings()
    _run(settings, settings.partitions, select, seed, conversations)


@app.command()
def show(
    conversation_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
) -> None:
    """Print a conversation: persona, messages, calls with the sources of their arguments, scores."""
    from funcdex_assets.show import UnknownConversation, print_conversation

    try:
        print_conversation(_settings(), conversation_id, console)
    except UnknownConversation as error:
        _fail(str(error))


@app.command()
def stats() -> None:
    """Print what there is: yields by stage, calls, sources of arguments, scores, tokens and cost."""
    from funcdex_assets.show import print_stats

    print_stats(_settings(), console)


@app.command()
def analyze(
    partitions: Annotated[list[str] | None, typer.Argument(help="By default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure of every partition as JSON.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write a page, and its pictures in images/ beside it.")] = None,
) -> None:
    """Print the quality report: validity, mix, recovery, coverage, diversity, scores, yields, cost."""
    from funcdex_assets import analysis

    settings = _settings()
    chosen = _known(settings, partitions)
    try:
        reports = analysis.analyse(settings, chosen, lambda text: errors.print(escape(text), soft_wrap=True))
    except analysis.NothingToReport as error:
        _fail(escape(str(error)))
    if markdown:
        for path in analysis.write_page(reports, markdown):
            console.print(str(path), highlight=False, soft_wrap=True)
    elif as_json:
        typer.echo(analysis.as_json(reports))
    else:
        analysis.print_report(reports, console)


@journal_app.command("stats")
def journal_stats() -> None:
    """Print what the journal keeps, by engine and role: requests, tokens, bytes, from when to when."""
    from funcdex_assets.inference.protocol import InferenceError
    from funcdex_assets.show import print_journal

    try:
        print_journal(_settings(), console)
    except InferenceError as error:
        _fail(str(error))


@journal_app.command("prune")
def journal_prune(
    older_than: Annotated[str | None, typer.Option(help="Only answers older than this: 30d, 12h, 45m.")] = None,
    engine: Annotated[str | None, typer.Option(help="Only answers of this engine, e.g. vllm:Qwen/Qwen3-8B.")] = None,
    role: Annotated[str | None, typer.Option(help="Only answers to this role, e.g. judge.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All answers.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete answers from the journal. A run that needs them again asks, and pays, again."""
    from funcdex_assets.inference.journal import JOURNAL, prune_journal
    from funcdex_assets.inference.protocol import InferenceError

    if not (everything or older_than or engine or role):
        _fail("Nothing is named; give --older-than, --engine or --role (together they narrow down), or --all")
    path = _settings().home / JOURNAL
    if not path.is_file():
        _fail(f"There is no journal at {path}; only real models are journaled")
    older_than_s = None if older_than is None else _seconds(older_than)
    try:
        pruned = prune_journal(path, older_than_s=older_than_s, engine=engine, role=role, dry_run=dry_run)
    except InferenceError as error:
        _fail(str(error))
    did = "would delete" if dry_run else "deleted"
    console.print(f"{did} {pruned.requests:,} answers ({pruned.bytes:,} bytes) from {path}", highlight=False)
    if not dry_run and pruned.requests:
        size = (
            "not smaller yet, because a run is using it"
            if pruned.file_bytes is None
            else f"{pruned.file_bytes:,} bytes"
        )
        console.print(f"the file is {size}", highlight=False)


@app.command()
def experiment(
    partitions: Annotated[list[str] | None, typer.Argument(help="By default all.")] = None,
    steering: Annotated[str | None, typer.Option(help="Short for --setting generation.steering=on,off.")] = None,
    setting: Annotated[str | None, typer.Option(help="FIELD=A,B: a field of funcdex.yaml and its values.")] = None,
    conversations: Annotated[int, typer.Option("-n", "--conversations", min=1, help="Per partition and night.")] = 50,
    nights: Annotated[int, typer.Option(min=1, help="Nights, one seed after the other.")] = 1,
) -> None:
    """Run the pipeline once for each value of a setting, and show the figures side by side."""
    from funcdex_assets.experiment import ExperimentError, arms_of
    from funcdex_assets.show import print_experiment

    settings = _settings()
    chosen = _known(settings, partitions)
    if (steering is None) == (setting is None):
        _fail("give --steering on,off, or --setting FIELD=A,B such as generation.max_calls=4,8")
    try:
        arms = arms_of(f"generation.steering={steering}" if steering else str(setting))
        print_experiment(settings, arms, chosen, conversations, nights, console)
    except ExperimentError as error:
        _fail(escape(str(error)))


@app.command()
def contamination(
    partitions: Annotated[list[str] | None, typer.Argument(help="By default all that have a dataset.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="An evaluation set as JSON lines, beside those of funcdex.yaml; repeat for several."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write every overlap there, as JSON lines.")] = None,
) -> None:
    """Compare datasets with evaluation sets: function names, schemas, n-grams and meaning of user turns."""
    from funcdex_assets.cli_contamination import NothingToCompare, print_contamination
    from funcdex_assets.dedup.embedding import EmbedderUnavailable
    from funcdex_assets.dedup.evaluation_sets import EvaluationSetError

    settings = _settings()
    if unknown := [partition for partition in partitions or () if partition not in settings.partitions]:
        _fail(f"{unknown[0]!r} is not a partition; there are: {', '.join(settings.partitions)}")
    try:
        print_contamination(settings, partitions or settings.partitions, against or (), report, console)
    except (NothingToCompare, EvaluationSetError, EmbedderUnavailable) as error:
        _fail(escape(str(error)))


@app.command()
def config() -> None:
    """Print the resolved settings. Secrets are never part of them; whether they are set is said."""
    from funcdex_assets.show import print_settings

    print_settings(_settings(), console)


app.command("replay")(cli_replay.replay)
app.add_typer(cli_catalog.app, name="catalog")

serve_app = typer.Typer(help="Start a real inference server, and stop it with Ctrl-C.", no_args_is_help=True)
app.add_typer(serve_app, name="serve")

PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="By default a free one.")]
HostOption = Annotated[str, typer.Option(help="Any but the loopback offers the server to the network.")]
ContextOption = Annotated[int, typer.Option(min=256, help="Tokens of prompt and answer, per request.")]
ParallelOption = Annotated[int, typer.Option(min=1, help="Requests answered at once.")]
ArgsArgument = Annotated[list[str] | None, typer.Argument(help="After --: further arguments of the server.")]


@serve_app.command("vllm")
def serve_vllm(
    model: Annotated[str, typer.Argument(help="A folder in Hugging Face's layout, or a name on the hub.")],
    args: ArgsArgument = None,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    context: ContextOption = 16_384,
    parallel: ParallelOption = 64,
) -> None:
    """vLLM, which the extra `vllm` installs."""
    _serve("vllm", model, args, port, host, context, parallel)


@serve_app.command("llama-cpp")
def serve_llama_cpp(
    model: Annotated[str, typer.Argument(help="A GGUF file.")],
    args: ArgsArgument = None,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    context: ContextOption = 16_384,
    parallel: ParallelOption = 4,
) -> None:
    """llama.cpp: the program llama-server, or the wheel that the extra `llama-cpp` installs."""
    _serve("llama_cpp", model, args, port, host, context, parallel)


def _serve(
    engine: Literal["vllm", "llama_cpp"],
    model: str,
    args: list[str] | None,
    port: int | None,
    host: str,
    context: int,
    parallel: int,
) -> None:
    from funcdex_assets.inference.protocol import InferenceError
    from funcdex_assets.inference.servers import ServerSpec
    from funcdex_assets.serve import serve

    spec = ServerSpec(engine, model, host, port, context, parallel, tuple(args or ()))
    log = _settings().home / "servers" / f"{engine}-{Path(model).name}.log"
    try:
        serve(spec, log, console)
    except InferenceError as error:
        _fail(escape(str(error)))


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        _fail(str(error))


def _known(settings: Settings, partitions: Sequence[str] | None) -> list[str]:
    """The named partitions, or all."""
    chosen = list(partitions or settings.partitions)
    if unknown := [partition for partition in chosen if partition not in settings.partitions]:
        _fail(f"{unknown[0]!r} is not a partition; there are: {', '.join(settings.partitions)}")
    return chosen


def _seconds(age: str) -> float:
    """An age in seconds.

    >>> _seconds("30d")
    2592000.0
    """
    units = {"d": 86400, "h": 3600, "m": 60}
    number, unit = age[:-1], age[-1:]
    if unit not in units or not number.isdigit():
        _fail(f"--older-than {age!r} is no age; write days, hours or minutes, such as 30d, 12h or 45m")
    return float(number) * units[unit]


def _fail(message: str) -> NoReturn:
    errors.print(f"[red]error:[/red] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def _run(
    settings: Settings,
    partitions: Sequence[str],
    select: Sequence[str] | None,
    seed: int | None,
    conversations: int | None,
) -> None:
    from funcdex_assets.bars import Bars

    with Bars(console, partitions) as bars:
        from funcdex_assets.backfill import run_partitions

        try:
            outcome = run_partitions(
                partitions, select, seed=seed, conversations=conversations, progress=bars, settings=settings
            )
        except ValueError as error:
            bars.stop()
            _fail(str(error))
    from funcdex_assets.show import print_outcome

    print_outcome(settings, outcome, bars.seconds, console)
    if not outcome.success:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
