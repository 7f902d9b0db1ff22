"""What the tests of mark detection share: the embedded tokenizer, marks on it, and texts marked word by word."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from assay.models import EMBEDDED, embedded_path
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import candidate_words, green
from assay.watermark.profile import LoadedMark, Profile
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> TextTokenizer:
    return load_tokenizer(str(embedded_path()))


@pytest.fixture(scope="session")
def loaded_of(tokenizer: TextTokenizer) -> Callable[..., LoadedMark]:
    """Return a maker of marks with their profile; all tokens are scored unless `skip_common` says otherwise."""

    def make(mark: GreenList, path: Path = Path("mark.toml"), **changes: object) -> LoadedMark:
        fields = {"model": EMBEDDED, "vocab_size": tokenizer.vocab_size, "skip_common": "none"}
        named = {"tokenizer_fingerprint": tokenizer.fingerprint, "key_fingerprint": mark.key.fingerprint}
        profile = {
            "scheme": mark.scheme,
            "parameters": mark.parameters,
            "key_file": "mark.key",
            **named,
            **fields,
            **changes,
        }
        return LoadedMark(path, Profile(**profile), mark)

    return make


@pytest.fixture(scope="session")
def words(tokenizer: TextTokenizer) -> dict[str, int]:
    """Words with a space before them that are one token each, whatever stands around them; by id, for `get_vocab` has no order."""
    return {
        " " + token[1:]: i
        for token, i in sorted(tokenizer.backend.get_vocab().items(), key=lambda item: item[1])
        if token[0] == "Ġ" and len(token) > 3 and token[1:].isalpha() and token[1:].isascii()
    }


@pytest.fixture(scope="session")
def write(words: dict[str, int]) -> Callable[..., str]:
    """Return a writer of random words; with a mark, four of five of its tokens are green."""
    spelled, ids = list(words), np.array(list(words.values()))

    def make(seed: int, count: int, mark: GreenList | None = None) -> str:
        rng, written = np.random.default_rng(seed), []
        for _ in range(count):
            picked = int(rng.integers(len(ids)))
            if mark is not None and len(written) >= mark.context_width and rng.random() < 0.8:
                context = ids[written[len(written) - mark.context_width :]]
                chosen = green(candidate_words(context, ids, mark.hash_key), mark.gamma)
                picked = int(rng.choice(np.flatnonzero(chosen)))
            written.append(picked)
        return "".join(spelled[i] for i in written)

    return make


@dataclass(frozen=True)
class PeerScores:
    """Scores that authors of detectors published for news, encyclopaedia and stories, and for continuations by open models."""

    rows: list[dict]
    ai: np.ndarray
    pair: np.ndarray
    domain: np.ndarray
    n_words: np.ndarray

    def score(self, detector: str) -> np.ndarray:
        """(D,) float64, NaN where the detector was not run."""
        return np.array([row["scores"].get(detector, np.nan) for row in self.rows])

    def one_human_a_pair(self, rng: np.random.Generator) -> np.ndarray:
        """Indices of one human document of each original, in random order."""
        order = rng.permutation(np.flatnonzero(~self.ai))
        return rng.permutation(order[np.unique(self.pair[order], return_index=True)[1]])


@pytest.fixture(scope="session")
def peers(shared: Path) -> PeerScores:
    folder = shared / "data" / "detection"
    with gzip.open(folder / "peer_scores.jsonl.gz", "rt", encoding="utf-8") as lines:
        scores = {row["id"]: row["scores"] for row in map(json.loads, lines)}
    with gzip.open(folder / "fdg_openmodels.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [{**row, "scores": scores[row["id"]]} for row in map(json.loads, lines) if row["id"] in scores]
    return PeerScores(
        rows,
        np.array([row["label"] == "ai" for row in rows]),
        np.array([row["pair_id"] for row in rows]),
        np.array([row["domain"] for row in rows]),
        np.array([len(row["text"].split()) for row in rows]),
    )
