"""Says what to install where a library of the extra `train` is missing.

Belongs here: the one check, made before anything of transformers, TRL or torch is imported.
"""

from importlib.util import find_spec

from funcdex_assets.records.errors import UserError


class MissingTrainExtraError(UserError):
    """Raised where a library of the extra `train` is not installed; no row can be made without it."""

    is_systemic = True


def require_train_extra(*libraries: str) -> None:
    """Checks that the libraries, `transformers` and `jinja2` where none is named, can be imported.

    Raises:
        MissingTrainExtraError: one of them is not installed.
    """
    missing = [name for name in libraries or ("transformers", "jinja2") if find_spec(name) is None]
    if missing:
        raise MissingTrainExtraError(
            f"{', '.join(missing)} is not installed, and the training stages need it: "
            "`pip install 'funcdex-assets[train]'`"
        )
