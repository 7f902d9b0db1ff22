"""The share of machine text from which words occur: no language model, other evidence than scores.

Source: W. Liang et al. 2024 (arXiv:2403.07183): a document is the set of its words; P and Q are products of Bernoulli
occurrence probabilities estimated from reference humans and reference machine text, and the share maximises
sum_i log[(1-a) P(x_i) + a Q(x_i)] (`likelihood_share`). Two deviations:

* Probabilities are counted by clusters and shrunk towards the pooled one, as if two more clusters had been seen. The
  paper's code gives an unseen word a fixed log-probability of -13.8, which makes one rare word decide.
* The paper takes the likelihood ratio at its word. Words of a document are not independent and the probabilities are
  estimated, so the ratio is far too sure of itself and the share is biased, most where it is small. Here log Q/P is a
  score like any other: its law among humans and among machine text is measured on reference documents that the words'
  probabilities were not estimated from (cross-fitting), and `assay.detect.prevalence` does the rest: interval, misfit,
  drift. The corpus is scored by the models of the folds in turn, as the references are.

Needs words between spaces (not Chinese, Japanese, Thai) and documents about as long as the references: `log_ratio`
grows with length.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .clusters import F64, I64, ScoredSample, cluster_codes
from .prevalence import ALARM, Prevalence, score_share

MAX_WORDS = 5000
"""Largest vocabulary: the words that most reference documents have."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001
_FEWEST_CLUSTERS = 5
_PRIOR = 2.0
_FOLDS = 5


@dataclass(frozen=True)
class TextSample:
    """Texts, and which of them belong together; equal labels in two samples are one cluster (a text and its rewrite).

    Attributes:
        texts: D documents.
        clusters: D labels; None for independent documents.
    """

    texts: Sequence[str]
    clusters: Sequence[str] | None = None

    def labels(self, name: str) -> list[str]:
        """Return D labels; the documents' own numbers under `name` where none were given."""
        given = [f"{name}\0{i}" for i in range(len(self.texts))] if self.clusters is None else list(self.clusters)
        if len(given) != len(self.texts):
            raise ValueError(f"clusters must have one label a text, got {len(given)} for {len(self.texts)}")
        return given


@dataclass(frozen=True)
class WordModel:
    """Occurrence probabilities of words, as log odds.

    Attributes:
        log_odds: (V,) float64, what a word adds to log Q/P by occurring.
        constant: log Q/P of a document with none of the words.
    """

    log_odds: F64
    constant: float

    def log_ratio(self, occurrence: Any) -> F64:
        """Return log Q/P, (D,) float64, of a (D, V) sparse 0/1 matrix."""
        return np.asarray(occurrence @ self.log_odds, np.float64) + self.constant


def word_share(
    human: TextSample,
    machine: TextSample,
    seen: TextSample,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    n_boot: int = 1000,
    alarm: float = ALARM,
) -> Prevalence:
    """Return the share of machine text among the documents seen, from the words that occur.

    Raises:
        DataError: if there are too few documents or common words, or the words do not tell the references apart.
        ValueError: if a sample's clusters do not match its texts.
    """
    groups = [human.labels("human"), machine.labels("machine")]
    together = cluster_codes(np.array(groups[0] + groups[1], dtype=np.str_))
    vocabulary = vocabulary_of([*human.texts, *machine.texts], together.tolist())
    if not vocabulary:
        raise DataError(f"no word occurs in {_FEWEST_CLUSTERS} independent reference texts; add reference texts")
    p, q, o = (occurrence(sample.texts, vocabulary) for sample in (human, machine, seen))
    dealt = _deal(together, rng)
    folds = dealt[: len(human.texts)], dealt[len(human.texts) :]
    seen_codes = cluster_codes(np.array(seen.labels("seen"), dtype=np.str_))
    parts = (*folds, _deal(seen_codes, rng))
    weights = tuple(_weights(cluster_codes(np.array(group, dtype=np.str_))) for group in groups)
    scores = [np.empty(len(part)) for part in parts]
    for fold in range(_FOLDS):
        kept = parts[0] != fold, parts[1] != fold
        model = fit_words(p[kept[0]], q[kept[1]], weights[0][kept[0]], weights[1][kept[1]])
        for matrix, part, score in zip((p, q, o), parts, scores, strict=True):
            score[part == fold] = model.log_ratio(matrix[part == fold])
    codes = cluster_codes(np.array(groups[0])), cluster_codes(np.array(groups[1])), seen_codes
    samples = [ScoredSample(score, code) for score, code in zip(scores, codes, strict=True)]
    return score_share(
        samples[0], samples[1], samples[2], rng, confidence=confidence, n_boot=n_boot, alarm=alarm, method="words"
    )


def fit_words(human: Any, machine: Any, human_weight: F64, machine_weight: F64) -> WordModel:
    """Return the model of two (D, V) sparse 0/1 matrices; the weights (D,) make a cluster count once.

    Words that occur in fewer than five of their clusters are left out (weight 0): which words those are must not
    depend on the documents that are scored.
    """
    counts = [np.asarray(m.T @ w, np.float64) for m, w in ((human, human_weight), (machine, machine_weight))]
    sizes = float(human_weight.sum()), float(machine_weight.sum())
    pooled = (counts[0] + counts[1] + 0.5) / (sizes[0] + sizes[1] + 1.0)
    p, q = ((count + _PRIOR * pooled) / (size + _PRIOR) for count, size in zip(counts, sizes, strict=True))
    used = counts[0] + counts[1] >= _FEWEST_CLUSTERS
    log_odds = np.where(used, np.log(q / (1.0 - q)) - np.log(p / (1.0 - p)), 0.0)
    return WordModel(log_odds, float(np.log((1.0 - q) / (1.0 - p))[used].sum()))


def likelihood_share(log_ratio: F64) -> float:
    """Return the share that maximises sum log[(1-a) + a exp(log_ratio)], as in Liang et al., in [0, 1].

    `log_ratio` is (D,) log Q/P. The likelihood is concave; its slope is halved in on. For comparison: see the module on
    why this alone is not to be trusted.
    """
    low, high = 0.0, 1.0
    ratio = np.exp(np.clip(log_ratio, -500.0, 500.0)) - 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if (ratio / (1.0 + middle * ratio)).sum() > 0 else (low, middle)
    return 0.5 * (low + high)


def words(text: str) -> set[str]:
    """Return the distinct words of a text, lower-cased: letters, with apostrophes inside."""
    return set(_WORD.findall(text.lower()))


def vocabulary_of(texts: Sequence[str], clusters: Sequence[int]) -> dict[str, int]:
    """Return the commonest words, at most `MAX_WORDS`, that occur in at least five clusters, with their columns."""
    of_cluster: dict[int, set[str]] = {}
    for text, cluster in zip(texts, clusters, strict=True):
        of_cluster.setdefault(cluster, set()).update(words(text))
    count = Counter(word for found in of_cluster.values() for word in found)
    common = sorted((-n, word) for word, n in count.items() if n >= _FEWEST_CLUSTERS)
    return {word: i for i, (_, word) in enumerate(common[:MAX_WORDS])}


def occurrence(texts: Sequence[str], vocabulary: dict[str, int]) -> Any:
    """Return the (D, V) sparse (CSR) float64 matrix of which words occur in which text."""
    from scipy.sparse import csr_array  # imported late: scipy is slow to start

    rows = [sorted(vocabulary[w] for w in words(text) if w in vocabulary) for text in texts]
    offsets: I64 = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    columns: NDArray[np.int64] = np.fromiter((c for row in rows for c in row), np.int64, int(offsets[-1]))
    return csr_array((np.ones(len(columns)), columns, offsets), shape=(len(texts), len(vocabulary)))


def _deal(clusters: I64, rng: np.random.Generator) -> I64:
    """Return the fold of each document, (D,) int64; clusters stay whole."""
    return rng.permutation(np.arange(int(clusters.max()) + 1) % _FOLDS)[clusters]


def _weights(clusters: I64) -> F64:
    """Return (D,) float64: one over the number of documents of the document's cluster."""
    return 1.0 / np.bincount(clusters)[clusters]
