"""`funcdex config`: the settings as they are, with every default and variable resolved."""

import os

import yaml

from funcdex_assets.cli.console import console, load_project


def print_settings() -> None:
    """Print the resolved settings. Secrets are never part of them; whether they are set is said."""
    settings = load_project()
    content = settings.model_dump(mode="json")
    inference = settings.inference
    endpoints = [inference.resolve_endpoint(role) for role in (None, *inference.roles)]
    endpoints += [inference.resolve_member_endpoint(fields) for fields in settings.judging.members]
    variables = dict.fromkeys(endpoint.api_key_env for endpoint in endpoints)
    console.print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).strip(), highlight=False, markup=False)
    for variable in variables:
        console.print(f"# {variable} is {'set' if os.environ.get(variable) else 'not set'}", highlight=False)
    for partition in settings.partitions:
        if partition in settings.shares:
            count = settings.shares[partition]
            console.print(f"# {partition}: {count} conversations of the total", highlight=False, soft_wrap=True)
        files = ", ".join(str(path) for path in settings.find_tool_files(partition).values())
        console.print(f"# {partition}: {files}", highlight=False, soft_wrap=True)
