"""The tokenizer as detection sees it: loaded without torch or transformers, and named by a fingerprint of what it does.

The fingerprint covers what decides how ordinary text becomes ids: normaliser, pre-tokenizer, model (vocabulary, merges and
options) and the added tokens that are not control tokens. It leaves out what does not: control tokens (a base model and its
chat version read prose alike), post-processor, decoder, truncation, padding, and the file's formatting, key order and
spelling of merges.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from assay.errors import ModelError
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .hub import asking_hub, quiet_hub

_ADDED = ("id", "content", "single_word", "lstrip", "rstrip", "normalized")


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer ready to read documents.

    Attributes:
        backend: the `tokenizers` object, without truncation and padding.
        source: the folder or hub id it came from.
    """

    backend: Tokenizer
    source: str

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name how this tokenizer reads text."""
        return fingerprint(json.loads(self.backend.to_str()))

    @property
    def vocab_size(self) -> int:
        """Number of ids, added tokens included; a model's logits may be wider."""
        return self.backend.get_vocab_size(with_added_tokens=True)

    @cached_property
    def special(self) -> NDArray[np.bool_]:
        """(V,) bool: which ids are control tokens, V one more than the highest id."""
        added = self.backend.get_added_tokens_decoder()
        highest = max([*self.backend.get_vocab(with_added_tokens=True).values(), *added], default=0)
        mask = np.zeros(highest + 1, np.bool_)
        mask[[i for i, token in added.items() if token.special]] = True
        return mask


def load_tokenizer(source: str, revision: str | None = None) -> TextTokenizer:
    """Load the tokenizer of a model folder or hub id.

    A folder or repository with `tokenizer.json` is read directly. Without one, transformers converts what is there (and only
    then is transformers imported).

    Raises:
        ModelError: if there is no usable tokenizer.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        path = folder / "tokenizer.json"
        backend = _from_file(path) if path.is_file() else _converted(source, revision)
    else:
        backend = _from_hub(source, revision)
    backend.no_truncation()
    backend.no_padding()
    return TextTokenizer(backend, source)


def fingerprint(content: dict[str, Any]) -> str:
    """Return the fingerprint of a parsed `tokenizer.json`."""
    model = dict(content["model"])
    if model.get("merges"):
        model["merges"] = [m.split(" ") if isinstance(m, str) else list(m) for m in model["merges"]]
    essence = {
        "normalizer": content.get("normalizer"),
        "pre_tokenizer": content.get("pre_tokenizer"),
        "model": model,
        "added": sorted([t[k] for k in _ADDED] for t in content.get("added_tokens", []) if not t["special"]),
    }
    canonical = json.dumps(_without_null(essence), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(b"assay tokenizer 1\n" + canonical.encode("ascii")).hexdigest()[:16]


def _without_null(value: Any) -> Any:
    """Drop absent and false options: writers differ in which of them they spell out."""
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None and v is not False}
    return [_without_null(v) for v in value] if isinstance(value, list) else value


def _from_file(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 (the Rust library raises bare Exception)
        raise ModelError(f"cannot read the tokenizer {path}: {str(error)[:200]}") from None


def _from_hub(source: str, revision: str | None) -> Tokenizer:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        with asking_hub(source, "tokenizer.json", revision):
            return _from_file(Path(hf_hub_download(source, "tokenizer.json", revision=revision)))
    except EntryNotFoundError:
        with quiet_hub():
            return _converted(source, revision)


def _converted(source: str, revision: str | None) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(f"{source!r} has no tokenizer that can be read: {str(error).splitlines()[0][:200]}") from None
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"the tokenizer of {source!r} ({type(loaded).__name__}) has no `tokenizers` form; "
            "save one beside the model as tokenizer.json"
        )
    return Tokenizer.from_str(backend.to_str())
