"""Words that a language model's input embeddings hold near each other: what stands in for a thesaurus where there is none.

Neighbours are not synonyms: they are words that occur alike, so antonyms ("early" for "late"), siblings ("Tuesday" for "Monday") and inflections of other words
are among them. A word and its replacement share a syntax more often than a meaning. What an attack with them measures is the loss of the words, not a paraphrase.

Of the model's vocabulary only words in small letters count (tokens that begin with a blank); vectors are centred, as the mean of an embedding holds word frequency rather
than meaning (Mu & Viswanath 2018, arXiv:1702.01417; their removal of leading directions is left out), then compared by cosine. Forms of one word are told by their common beginning. A vocabulary does not say which of its tokens are whole words: a few are only ever beginnings ("corpor").
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from assay.errors import ModelError
from assay.models import embedded_path
from numpy.typing import NDArray

F32 = NDArray[np.float32]
_EMBEDDINGS = "model.embed_tokens.weight"
_BLOCK = 512


@lru_cache(maxsize=4)
def embedded_neighbours(count: int, without: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """Return the `count` nearest other words of each word of the embedded model's vocabulary, nearest first, `without` some on both sides.

    Raises:
        ModelError: if the model's files are not there or not as expected.
    """
    words, vectors = word_vectors(embedded_path())
    kept = [i for i, word in enumerate(words) if word not in without]
    return nearest([words[i] for i in kept], vectors[kept], count)


def word_vectors(folder: Path) -> tuple[list[str], F32]:
    """Return the whole words of a model with a byte-level vocabulary, and their embeddings (W, dimensions) float32; no torch.

    Raises:
        ModelError: if a file cannot be read or has no embeddings.
    """
    try:
        tokenizer: Any = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
        table = _read_bfloat16(folder / "model.safetensors", _EMBEDDINGS)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"cannot read the word embeddings of {folder.name}: {error}; install Assay again") from None
    # Ġ is how a byte-level vocabulary writes the blank
    words = {token[1:]: i for token, i in vocabulary.items() if token[0] == "\u0120" and _is_word(token[1:])}
    return list(words), table[list(words.values())]


def nearest(words: list[str], vectors: F32, count: int) -> dict[str, tuple[str, ...]]:
    """Return the `count` nearest other words of each, forms of the same word left out."""
    centred = vectors - vectors.mean(0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.float32(1e-12))
    found: dict[str, tuple[str, ...]] = {}
    ahead = min(4 * count + 8, len(words))  # as many as may have to be passed over
    for first in range(0, len(words), _BLOCK):
        cosines = centred[first : first + _BLOCK] @ centred.T
        likely = np.argpartition(-cosines, ahead - 1, axis=1)[:, :ahead]
        order = np.argsort(-np.take_along_axis(cosines, likely, 1), axis=1, kind="stable")
        for word, row in zip(words[first : first + _BLOCK], np.take_along_axis(likely, order, 1).tolist(), strict=True):
            others = (words[i] for i in row)
            found[word] = tuple(other for other in others if not same_stem(word, other))[:count]
    return found


def same_stem(a: str, b: str) -> bool:
    """Say whether two words are likely forms of one: all but their last two letters in common, and three at least.

    >>> [same_stem("walk", other) for other in ("walked", "walks", "talk", "wall")]
    [True, True, False, True]
    """
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a == b or common >= max(3, min(len(a), len(b)) - 2)


def _is_word(word: str) -> bool:
    return len(word) >= 3 and word.isascii() and word.isalpha() and word.islower()


def _read_bfloat16(path: Path, name: str) -> F32:
    """Return one bfloat16 tensor of a safetensors file as float32: numpy has no bfloat16, whose bits are the upper half of a float32's."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: Any = json.loads(file.read(size))
        tensor = header[name]
        if tensor["dtype"] != "BF16":
            raise ValueError(f"{name} is {tensor['dtype']}, expected BF16")
        first, last = tensor["data_offsets"]
        file.seek(8 + size + first)
        bits = np.frombuffer(file.read(last - first), "<u2").astype(np.uint32) << np.uint32(16)
    return bits.view(np.float32).reshape(tensor["shape"])
