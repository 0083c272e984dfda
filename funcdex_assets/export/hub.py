"""Pushes a folder, of a model or of a release, to a repository on a Hugging Face Hub.

Belongs here: which files of a folder are pushed, the push, and what its errors say. Which folder is the latest of a
partition is known to `release_outcome.py` and to the models' own store; token and endpoint are given, never read here.

A push is one commit: whoever loads the repository sees all of it or nothing. It adds and replaces files, and removes
none, so that what people have put beside them stays.

    repository = HubRepository("acme/gmail-model", "model")
    push_folder(list_files(folder), repository, HubAccess(DEFAULT_ENDPOINT, token), message="5f0c1b2a3d4e")
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from funcdex_assets.records.errors import UserError

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_BRANCH = "main"
LARGE_TWINS = ("*-f32.gguf",)
"""Files that say what another file of the folder says, at twice its size: a push leaves them out unless asked."""

RepositoryKind = Literal["model", "dataset"]


class HubError(UserError):
    """A push is not possible or was refused; the message is one line with the remedy, and never has the token."""


@dataclass(frozen=True)
class HubRepository:
    """A repository, `OWNER/NAME`, and what it holds. `private` is asked for when it is new."""

    name: str
    kind: RepositoryKind
    private: bool = True
    branch: str = DEFAULT_BRANCH


@dataclass(frozen=True)
class HubAccess:
    """Where the Hub is, and the token; it is not in `repr`, and so in no log or traceback."""

    endpoint: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class PushedFile:
    """A file on the disk, and its path in the repository."""

    source: Path
    path: str
    size: int


@dataclass(frozen=True)
class Push:
    """What came of a push: the address of its commit, and whether only members of the owner can see it."""

    url: str
    is_private: bool


def list_files(folder: Path) -> list[PushedFile]:
    """Lists the files of a folder and the folders below, by path; hidden ones are nobody's to publish."""
    paths = [(path, path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [
        PushedFile(path, place.as_posix(), path.stat().st_size)
        for path, place in sorted(paths)
        if not any(name.startswith(".") for name in place.parts)
    ]


def is_large_twin(file: PushedFile) -> bool:
    """Tells whether a push leaves the file out unless all files are asked for.

    >>> [is_large_twin(PushedFile(Path(name), name, 1)) for name in ("gmail-f32.gguf", "gmail-f16.gguf")]
    [True, False]
    """
    return any(fnmatch(file.path, pattern) for pattern in LARGE_TWINS)


def check_repository_name(name: str) -> None:
    """Checks that a repository is named as a Hub names it.

    Raises:
        HubError: it is not OWNER/NAME.

    >>> check_repository_name("gmail-model")
    Traceback (most recent call last):
    ...
    funcdex_assets.export.hub.HubError: 'gmail-model' is no repository; name it OWNER/NAME, such as acme/gmail
    """
    owner, _, rest = name.partition("/")
    if not owner or not rest or "/" in rest or any(letter.isspace() for letter in name):
        raise HubError(f"{name!r} is no repository; name it OWNER/NAME, such as acme/gmail")


def push_folder(
    files: Sequence[PushedFile],
    repository: HubRepository,
    access: HubAccess,
    message: str,
    *,
    show_progress: bool = False,
) -> Push:
    """Makes the repository, and the branch, if they are not there, and commits the files to it.

    Files that it has already are not sent again, so a push that was interrupted goes on when it is repeated. A
    repository that is public already gets nothing unless `repository.private` is false.

    Raises:
        HubError: no library, no usable token, the Hub refused, or it cannot be reached; nothing was committed.
    """
    check_repository_name(repository.name)
    _check_token(access.token)
    if find_spec("huggingface_hub") is None:
        raise HubError("huggingface_hub is not installed, and a push needs it: pip install 'funcdex-assets[hub]'")
    import httpx2
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars

    if not show_progress and not are_progress_bars_disabled():
        disable_progress_bars()
    api = HfApi(endpoint=access.endpoint, token=access.token, library_name="funcdex-assets")
    try:
        api.create_repo(repository.name, repo_type=repository.kind, private=repository.private, exist_ok=True)
        is_private = bool(api.repo_info(repository.name, repo_type=repository.kind).private)
        if repository.private and not is_private:
            raise HubError(
                f"{repository.name} is public already, and a push is private unless --public is given; give it, or "
                "name another repository"
            )
        if repository.branch != DEFAULT_BRANCH:
            api.create_branch(repository.name, branch=repository.branch, repo_type=repository.kind, exist_ok=True)
        # Not upload_folder: it makes several commits of a large folder, and the first of them is half a model.
        commit = api.create_commit(
            repository.name,
            [CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=file.source) for file in files],
            commit_message=message,
            repo_type=repository.kind,
            revision=repository.branch,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError, PermissionError, RuntimeError, ValueError) as error:
        raise HubError(_hide_token(_explain_error(error, repository, access.endpoint), access.token)) from None
    return Push(str(commit.commit_url), is_private)


def _check_token(token: str) -> None:
    """A token of other letters would end in an error of the HTTP library that quotes it."""
    if not token:
        raise HubError(
            "HF_TOKEN is not set; put a token with the right to write into the environment, or into .env beside "
            "funcdex.yaml"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise HubError("HF_TOKEN has letters that no token has, such as blanks or quotes around it; set it anew")


def _explain_error(error: BaseException, repository: HubRepository, endpoint: str) -> str:
    """Says in one line what the Hub, or the way to it, has against the push, and what helps."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (httpx2.HTTPError, PermissionError, ConnectionError)):
        cause = cause.__cause__  # an upload in a thread is wrapped once more
    if isinstance(cause, HfHubHTTPError):
        return _explain_refusal(cause.response.status_code, cause.server_message or "", repository, endpoint)
    if isinstance(cause, PermissionError) and cause.filename is None:  # of the Xet storage, which has no status
        return _explain_refusal(403, "", repository, endpoint)
    if isinstance(cause, ConnectionError) and "xet" in str(cause):  # it has the status in its text alone
        return (
            f"the storage (Xet) of {endpoint} takes nothing ({_join_lines(str(cause))}), and nothing was committed; "
            "check that the token in HF_TOKEN may write there, and the network; a Hub without this storage "
            "needs HF_HUB_DISABLE_XET=1"
        )
    if isinstance(cause, (httpx2.TransportError, ConnectionError)):
        return (
            f"{endpoint} cannot be reached ({_join_lines(str(cause)) or type(cause).__name__}); check the network, "
            "HF_ENDPOINT and HF_HUB_OFFLINE, and give the command again: nothing was committed, and what has arrived "
            "is not sent twice"
        )
    return (
        f"the push to {repository.name} failed ({_join_lines(str(error)) or type(error).__name__}); nothing was "
        f"committed. Check the repository's name and that {endpoint} is a Hub"
    )


def _explain_refusal(status: int, answer: str, repository: HubRepository, endpoint: str) -> str:
    owner = repository.name.partition("/")[0]
    match status:
        case 401:
            remedy = (
                f"the token in HF_TOKEN is not accepted; make one with the right to write at {endpoint}/settings/tokens"
            )
        case 403:
            remedy = (
                f"the token in HF_TOKEN may not write there; take one with that right, or another owner than {owner}"
            )
        case 404:
            remedy = "there is none for this token; check the owner's name, --revision and HF_ENDPOINT"
        case _:
            remedy = "nothing was committed; give the command again, and if it stays so ask who runs the Hub"
    said = f", {_join_lines(answer)!r}" if answer else ""
    return f"{endpoint} refuses the push to the {repository.kind} {repository.name} ({status}{said}): {remedy}"


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _hide_token(message: str, token: str) -> str:
    """A Hub may quote what it was sent."""
    return message.replace(token, "HF_TOKEN")
