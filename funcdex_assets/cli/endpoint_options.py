"""Options of the commands that ask an OpenAI-compatible endpoint."""

from typing import Annotated

import typer

from funcdex_assets.inference.profiles import ProfileName

ProfileOption = Annotated[ProfileName, typer.Option(help="The kind of server; openai takes no grammar.")]
ApiKeyOption = Annotated[str, typer.Option(help="Environment variable with the API key, if it needs one.")]
NativeOption = Annotated[
    bool, typer.Option("--native/--markup", help="The server's own tool calls, or calls in the text.")
]
