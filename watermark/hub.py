"""Where a model's files lie: the folder a name stands for, or the local cache of the Hugging Face hub.

What goes wrong on the way there is one line of ours; the hub library's own lines about retries are not shown.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import ModelError


def local_folder(source: str) -> Path | None:
    """Return the folder that `source` names, None if it can only be the id of a hub repository.

    Raises:
        ModelError: in one line, if it is empty, a file, or a path to no folder.
    """
    if not source.strip():
        raise ModelError("the model's name is empty; expected `embedded`, a folder or a hub id")
    try:
        folder = Path(source).expanduser()
        if folder.is_dir():
            return folder
        is_file = folder.is_file()
    except (OSError, RuntimeError) as error:  # no permission; ~nobody
        raise ModelError(f"cannot read {source}: {_reason(error)}") from None
    if is_file:
        raise ModelError(f"{source} is a file, expected a model folder or a hub id; name the folder it lies in")
    if source.startswith(("/", ".", "~")) or source.count("/") > 1:
        raise ModelError(f"no such folder: {source}; expected a model folder, `embedded` or a hub id")
    return None


def is_file(path: Path) -> bool:
    """Return whether `path` is a file (or a link to one).

    Raises:
        ModelError: if that may not be known.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {_reason(error)}") from None


def cached_models() -> list[str]:
    """Return the hub ids of all model repositories in the local cache, whether or not Assay can use them."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folders = [path.name for path in Path(HF_HUB_CACHE).glob("models--*") if path.is_dir()]
    return sorted(name.removeprefix("models--").replace("--", "/") for name in folders)


def hub_folder(source: str, revision: str | None = None, cached_only: bool = False) -> Path:
    """Return the folder of the local cache that holds the hub repository `source`.

    Its config is fetched if it is not there, unless `cached_only`: then the network is never used.

    Raises:
        ModelError: if there is no such model here or on the hub.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    with asking_hub(source, "config.json", revision, cached_only):
        cached = try_to_load_from_cache(source, "config.json", revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent
        return Path(hf_hub_download(source, "config.json", revision=revision, local_files_only=cached_only)).parent


@contextmanager
def quiet_hub() -> Generator[None]:
    """Silence the hub library: of its retries we say the outcome, in one line."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def asking_hub(source: str, file: str, revision: str | None, cached_only: bool = False) -> Generator[None]:
    """Ask the hub quietly for a `file` of the repository `source`; an unreachable hub is known at once, without retries.

    Raises:
        ModelError: in one line, if the file can be had neither from the cache nor from the hub.
        EntryNotFoundError: of huggingface_hub, if the hub has the repository without that file.
    """
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    local_folder(source)
    try:
        with quiet_hub():
            if not cached_only:
                _reach_hub(source, file, revision)
            yield
    except LocalEntryNotFoundError:
        raise ModelError(_not_cached(source, file, revision, cached_only)) from None
    except RemoteEntryNotFoundError:
        if file != "config.json":
            raise
        raise ModelError(
            f"{source!r} on the hub has no config.json; expected a model that transformers loads"
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"there is no model {source!r} on the hub, or it is private or gated; check the spelling, or log in to the hub"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"the model {source!r} has no revision {revision!r} on the hub; check the spelling") from None
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(f"cannot find the model {source!r}: {str(error).splitlines()[0][:200]}") from None


def _reach_hub(source: str, file: str, revision: str | None) -> None:
    """Make sure that the hub answers, unless the file is cached: the download itself would retry for half a minute."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage] (of the HTTP library that the hub's version uses)
        LocalEntryNotFoundError,
    )

    if try_to_load_from_cache(source, file, revision=revision) is not None:
        return
    try:
        get_hf_file_metadata(hf_hub_url(source, file, revision=revision))
    except HfHubHTTPError:
        return  # it answers: what it refuses is for the download to say
    except (HTTPError, OSError):
        raise LocalEntryNotFoundError(file) from None


def _not_cached(source: str, file: str, revision: str | None, cached_only: bool) -> str:
    """Say what the local cache lacks of `source`."""
    from huggingface_hub import constants

    unreachable = "" if cached_only else ", and the hub cannot be reached"
    repository = Path(constants.HF_HUB_CACHE) / f"models--{source.replace('/', '--')}"
    if not repository.is_dir():
        return (
            f"{source!r} is neither a folder nor a model in the local hub cache{unreachable}; "
            "check the spelling, or name a folder"
        )
    wanted = revision or constants.DEFAULT_REVISION
    refs = {p.relative_to(repository / "refs").as_posix(): p for p in (repository / "refs").rglob("*") if p.is_file()}
    commits = {path.name for path in (repository / "snapshots").glob("*")}
    commit = refs[wanted].read_text(encoding="utf-8") if wanted in refs else wanted
    if commits and commit not in commits:
        return (
            f"the local hub cache holds {source!r} at revision {', '.join(sorted(refs.keys() | commits))}, not at {wanted!r}"
            f"{unreachable}; name one of those with --revision"
        )
    return f"the local hub cache holds {source!r} without its {file}{unreachable}; download the whole model again"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
