"""`funcdex ask`: a model is told something, its calls are executed in a world of the toolkit, and all is printed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from funcdex_assets.cli.console import CommandError, choose_partitions, console, load_project
from funcdex_assets.cli.endpoint_options import ApiKeyOption, NativeOption, ProfileOption
from funcdex_assets.cli.trained_models import find_trained_model
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.evaluation.asking import ServedConversation
    from funcdex_assets.evaluation.predictors import Predictor
    from funcdex_assets.records.labels import Kind


def ask_model(
    who: Annotated[
        str, typer.Argument(help="A partition with a trained model, a model's folder, or an endpoint's URL.")
    ],
    text: Annotated[str, typer.Argument(help="What the user says; with --chat, what is said first.")] = "",
    toolkit: Annotated[
        str | None, typer.Option(help="The partition whose tools are offered; by default the model's own.")
    ] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Go on until an empty line.")] = False,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token, always.")] = 0.0,
    greedy: Annotated[bool, typer.Option("--greedy", help="The same as --temperature 0.")] = False,
    top_k: Annotated[int | None, typer.Option(min=1, help="Draw from the likeliest K tokens.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws, and of the world.")] = 0,
    user: Annotated[str, typer.Option(help="Who asks: what the system prompt says of it.")] = "Alex Moreau",
    model: Annotated[str | None, typer.Option(help="The model's name on the endpoint.")] = None,
    profile: ProfileOption = "openai",
    api_key_env: ApiKeyOption = "",
    native: NativeOption = True,
) -> None:
    """Ask a model to do something with a toolkit: its calls are executed in a world, and printed with the answer."""
    from funcdex_assets.evaluation.predictors import Asked, EndpointPredictor
    from funcdex_assets.records.errors import UserError
    from funcdex_assets.reports.local_models import LocalModel, describe_model

    if not text and not chat:
        raise CommandError("There is nothing to ask; say something, or give --chat")
    if greedy:
        temperature = 0.0
    settings = load_project()
    predictor: Predictor
    if who.startswith(("http://", "https://")):
        if not model or not toolkit:
            raise CommandError("An endpoint needs --model NAME and --toolkit PARTITION")
        asked = Asked(
            profile=profile,
            model=model,
            base_url=who,
            api_key_env=api_key_env,
            calls="native" if native else "markup",
            temperature=temperature,
            top_k=top_k,
            max_tokens=max_tokens,
            seed=seed,
        )
        predictor = EndpointPredictor(asked)
    else:
        folder = _find_model(settings, who)
        toolkit = toolkit or describe_model(folder).partition
        predictor = LocalModel(folder, temperature=temperature, top_k=top_k, max_tokens=max_tokens, seed=seed)
    if not toolkit or toolkit == "all":
        raise CommandError(f"{who} is not of one partition; give --toolkit PARTITION")
    choose_partitions(settings, [toolkit])
    conversation = _begin_conversation(settings, toolkit, predictor, user, seed)
    for said in _iterate_requests(text, chat):
        try:
            for message in conversation.say(said):
                _print_message(message)
        except UserError as error:
            if not chat:
                raise
            console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)


def _find_model(settings: Settings, who: str) -> Path:
    """Finds the folder that is named, or that of a partition's latest model."""
    folder = Path(who)
    if (folder / "config.json").is_file():
        return folder
    return find_trained_model(settings, who, otherwise=", or name a folder or an endpoint's URL")


def _begin_conversation(
    settings: Settings, partition: str, predictor: "Predictor", user: str, seed: int
) -> "ServedConversation":
    """Begins a conversation in a new world, at the present moment, under the policy that is given with the tools."""
    from funcdex_assets.catalog.load import load_tools, read_terms
    from funcdex_assets.catalog.toolkit_terms import join_policies
    from funcdex_assets.environment.executor import Executor
    from funcdex_assets.evaluation.asking import ServedConversation
    from funcdex_assets.language.values import build_situation
    from funcdex_assets.records.scenario import Persona, Scenario
    from funcdex_assets.roles.system_prompt_writer import add_context

    files = settings.find_tool_files(partition)
    tools = load_tools(files)
    kind: Kind = "simple" if any(tool.returns for tool in tools) else "command"
    names = tuple(tool.name for tool in tools)
    scenario = Scenario("asked", "asked", kind, "", "", "", "", names, held_out=False)
    address = "".join(letter for letter in user.lower().replace(" ", ".") if letter.isalnum() or letter == ".")
    today = datetime.now(UTC).replace(microsecond=0).isoformat()
    persona = Persona("asked", "asked", user, f"{address}@example.com", "", "", "", "", "brisk", "UTC", today)
    situation = build_situation(scenario, persona)
    prompt = join_policies(terms.policy for terms in read_terms(files).values()) or f"You are the assistant of {user}."
    return ServedConversation(
        predictor,
        tools,
        Executor(situation, seed, {tool.name: tool for tool in tools}),
        prompt if kind == "command" else add_context(prompt, situation),  # as in the rows of either kind
        calls_alone=settings.publishing.closed_books == "calls",
    )


def _iterate_requests(text: str, chat: bool) -> Iterator[str]:
    """Yields what the user says: the text, and in a chat what is typed, up to an empty line or the end of input."""
    if text:
        yield text
    while chat:
        try:
            said = console.input("[bold]you[/bold] ").strip()
        except EOFError:
            return
        if not said:
            return
        yield said


def _print_message(message: dict[str, Any]) -> None:
    import msgspec

    for call in message.get("tool_calls") or ():
        arguments = msgspec.json.encode(call["function"]["arguments"]).decode()
        _print_line("call", "cyan", f"{call['function']['name']} {arguments}")
    if message["role"] == "tool":
        _print_line("result", "green", message["content"])
    elif message["content"]:
        _print_line("answer", "bold", message["content"])


def _print_line(label: str, style: str, text: str) -> None:
    console.print(f"[{style}]{label:<6}[/{style}] {escape(text)}", highlight=False, soft_wrap=True)
