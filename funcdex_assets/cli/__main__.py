"""`python -m funcdex_assets.cli` is the command `funcdex`."""

from funcdex_assets.cli.main import app

app()
