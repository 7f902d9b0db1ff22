"""Which model an attack runs, for its signature, and whether it is there: neither torch nor transformers is needed to ask.

A folder is named by the SHA-256 of its config, tokenizer and weights, a hub repository by its commit; where a folder lies is left out.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.models import EMBEDDED, resolve
from assay.watermark.hub import hub_folder, local_folder
from assay.watermark.inspection import find_model
from assay.watermark.weights import weight_files

_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "spiece.model", "chat_template.jinja")


def model_record(model: str) -> dict[str, Any]:
    """Return a JSON-ready record that changes when the model does.

    Raises:
        ModelError: in one line, if it is not there.
    """
    source = resolve(model)
    folder = local_folder(source)
    if folder is None:
        return {"model": model, "commit": hub_folder(source).name}  # the cache names its folders by commit
    files = [*(folder / name for name in _FILES), *weight_files(folder, model)]
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file())
    return {"model": EMBEDDED if model == EMBEDDED else folder.resolve().name, "sha256": _digest(stamps)}


def check_causal(model: str) -> None:
    """Refuse, without loading it, a model that is not there or is no causal one.

    Raises:
        ModelError: in one line.
    """
    find_model(resolve(model))


@lru_cache(maxsize=64)
def _digest(stamps: tuple[tuple[str, int, int], ...]) -> str:
    """Return 32 hexadecimal digits for the contents of files, read once as long as sizes and times stay."""
    whole = hashlib.sha256(b"assay model 1\n")
    for path, _, _ in stamps:
        with open(path, "rb") as stream:
            whole.update(f"{Path(path).name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()[:32]


def file_record(path: str) -> dict[str, Any]:
    """Return a JSON-ready record that changes when the file's content does; where it lies is left out.

    Raises:
        DataError: in one line, if it cannot be read.
    """
    try:
        stat = Path(path).stat()
        return {"file": Path(path).name, "sha256": _digest(((path, stat.st_size, stat.st_mtime_ns),))}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; name a file that is there") from None
