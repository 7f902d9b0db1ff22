"""Word sequences that human texts share: left out of the evidence, so that p-values hold under one fixed key.

The null law of a mark is exact over keys. A detector, though, uses one key on many texts, and under one key the pair ("of", "the")
is green in all of them or in none: what texts share, their false alarms share. With width-1 contexts and nothing left out, the
number of 10,000 human passages below p = 0.01 scattered over keys with 4.2 times the binomial standard deviation (`bench/null.json`).
Leaving out the (context, token) pairs inside the 13,000 most shared English word sequences brings that to 1.4 times (1.0 for
widths of 2 and more), at the cost of a quarter of the scored tokens: the most predictable ones, which carry little mark.
What is left comes from what texts of one domain share; the list is for English prose, and does little for code or other languages.

A min-hash context is one token of a window, so texts share far more of its pairs ("the" somewhere before "of"). There the pairs
of the 250 tokens that weigh most in the same list are left out, which brings the scatter from 3.7 times the binomial one to 1.7 (width 4).

The list is text (`common_en_1.json`), so it serves every tokenizer: each sequence is tokenised and every window of
`context_width` + 1 tokens inside it is left out. It was fixed before any key was drawn, which keeps the test exact. It counts
10,000 two-word and 3,000 three-word sequences by the number of 1,200-character passages of human text they occur in: the first
16,000 documents of `train-00` and `train-01` of the embedded model's corpus, none of which any benchmark of error rates reads. The size of the list, and the 250 above, were chosen by looking at the scatter on
passages that `bench/null.json` then reports, so its figures for them are a little kind; fresh human text is the better judge.
To make one for another language or domain: `python -m assay.watermark.common < texts.jsonl > list.json`, and give its path as
`skip_common` in the profile.
"""

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from assay.errors import BadProfile

from .hashing import U64, HashKey, candidate_words, context_hash, words_of
from .pairs import CommonSet
from .tokenizer import TextTokenizer

if TYPE_CHECKING:
    from .profile import LoadedMark

_UNIT = re.compile(r" ?[^\W\d_]+(?:['\u2019][^\W\d_]+)*| ?\d+| ?[^\w\s]+|\s+|_+")
_PASSAGE_CHARS = 1200
_FREQUENT_TOKENS = 250
NONE = "none"


def common_pairs(loaded: "LoadedMark", tokenizer: TextTokenizer) -> CommonSet:
    """Return the pairs that a loaded mark leaves out, from the list its profile names.

    Raises:
        BadProfile: if there is no such list, or it is not the one the mark was made with.
    """
    profile = loaded.profile
    name = _beside(profile.skip_common, loaded.path.parent)
    if profile.skip_common_fingerprint not in ("", list_fingerprint(name)):
        raise BadProfile(
            f"profile {loaded.path}: the list {profile.skip_common!r} has changed (fingerprint {list_fingerprint(name)}, "
            f"expected {profile.skip_common_fingerprint}); restore it, or make a new mark"
        )
    return common_words(name, tokenizer, loaded.mark.hash_key)


def list_fingerprint(name: str, folder: Path | None = None) -> str:
    """Return sixteen hexadecimal digits that name a list's content; `none` has its own.

    Raises:
        BadProfile: if there is no such list.
    """
    content = json.dumps([] if name == NONE else _sequences(_beside(name, folder)), separators=(",", ":"))
    return hashlib.sha256(content.encode("ascii")).hexdigest()[:16]


def _beside(name: str, folder: Path | None) -> str:
    """Return where a list lies: shipped names as they are, files beside the profile if they are there."""
    return str(folder / name) if folder is not None and name != NONE and (folder / name).is_file() else name


def common_words(name: str, tokenizer: TextTokenizer, key: HashKey) -> CommonSet:
    """Return the contract's words of all token windows inside the sequences of a list, under this key.

    Raises:
        BadProfile: if there is no such list.
    """
    if name == NONE or not _sequences(name):
        return CommonSet()
    encodings = tokenizer.backend.encode_batch(list(_sequences(name)), add_special_tokens=False)
    lengths = np.array([len(e.ids) for e in encodings])
    ids = np.array([i for e in encodings for i in e.ids], np.int64)
    position = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    inside = position[key.width :] >= key.width
    pair_frequent = key.kind == "minhash" and key.width > 0
    frequent = _frequent(encodings) if pair_frequent else np.empty(0, np.uint64)
    if key.self_salt:
        words = np.concatenate([words_of(ids, key)[inside], _salted_pairs(frequent, key)])
        return CommonSet(words, np.concatenate([ids[key.width :][inside], frequent.astype(np.int64)]))
    contexts, tokens = context_hash(ids, key)[:-1][inside], ids[key.width :][inside]
    if pair_frequent:
        alone = context_hash(frequent, replace(key, width=1))
        contexts = np.concatenate([contexts, np.repeat(alone, len(frequent))])
        tokens = np.concatenate([tokens, np.tile(frequent.astype(np.int64), len(frequent))])
    return CommonSet.of_pairs(contexts, tokens)


def _frequent(encodings: list[Any]) -> U64:
    """Return the tokens that weigh most in the list, a sequence of rank r counting as Zipf's 1 / (r + 10)."""
    weight: defaultdict[int, float] = defaultdict(float)
    for rank, encoding in enumerate(encodings):
        for token in encoding.ids:
            weight[token] += 1.0 / (rank + 10)
    return np.array([token for token in sorted(weight, key=lambda t: -weight[t])[:_FREQUENT_TOKENS]], np.uint64)


def _salted_pairs(tokens: U64, key: HashKey) -> U64:
    """Return the words of every (context token, token) pair, the least hash being that of either."""
    paired = replace(key, width=1)
    words = [candidate_words(tokens[i : i + 1], tokens, paired) for i in range(len(tokens))]
    return np.concatenate([np.empty(0, np.uint64), *words])


@lru_cache(maxsize=4)
def _sequences(name: str) -> tuple[str, ...]:
    shipped = re.fullmatch(r"([a-z]+)-(\d+)", name)
    path = Path(__file__).parent / f"common_{shipped[1]}_{shipped[2]}.json" if shipped else Path(name)
    try:
        sequences = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadProfile(
            f"skip_common {name!r} is neither a list shipped with this version (en-1), nor a readable JSON file, nor 'none'"
        ) from None
    if not isinstance(sequences, list) or not all(isinstance(s, str) for s in sequences):
        raise BadProfile(f"skip_common {name!r} must be a JSON list of strings")
    return tuple(sequences)


def count_common(texts: Iterable[str], pairs: int = 10_000, triples: int = 3_000, passages: int = 4) -> list[str]:
    """Return the most shared word sequences of human texts, by the number of passages they occur in.

    Args:
        texts: human texts; each gives at most `passages` passages of 1,200 characters.
        pairs: how many sequences of two units (words, numbers, runs of punctuation or white space) to keep.
        triples: how many of three.
        passages: passages taken from the start of each text, so that long documents do not dominate.
    """
    twos: Counter[str] = Counter()
    threes: Counter[str] = Counter()
    for text in texts:
        for start in range(0, min(len(text), passages * _PASSAGE_CHARS), _PASSAGE_CHARS):
            units = _UNIT.findall(text[start : start + _PASSAGE_CHARS])
            # each sequence once a passage, in order: ties are then cut off alike in every run, as those of a set are not
            twos.update(list(dict.fromkeys(a + b for a, b in pairwise(units))))
            threes.update(list(dict.fromkeys(a + b + c for a, b, c in zip(units, units[1:], units[2:], strict=False))))
    return [s for s, _ in twos.most_common(pairs)] + [s for s, _ in threes.most_common(triples)]


if __name__ == "__main__":
    lines = (json.loads(line)["text"] for line in sys.stdin)
    json.dump(count_common(lines), sys.stdout, ensure_ascii=False, indent=0)
