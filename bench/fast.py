"""Documents a second of the `fast` classifier on ready text of 2 kB, one core, normaliser included.

Baseline: what one would write with scikit-learn, hashed word n-grams of the same lengths and one product with the weights. Weights are random: speed
does not depend on them. Bar: 5,000 documents a second.
"""

import numpy as np
import record
from assay.detect.fast import FastClassifier
from assay.detect.normalise import normalise
from assay.detect.style import WordList, style_scores
from sklearn.feature_extraction.text import HashingVectorizer

BITS = 18


def main() -> None:
    texts = record.human_passages(1000, chars=2000)
    weights = np.random.default_rng(0).normal(size=1 << BITS).astype(np.float32)
    words = WordList.of(["the", "of", "and", "to", "in", "a", "is", "that", *(f"w{i}" for i in range(992))])
    classifier = FastClassifier("bench", {}, words, weights, 0.0)
    vectorizer = HashingVectorizer(ngram_range=(1, 3), n_features=1 << BITS, dtype=np.float32)
    times = record.interleaved_ms(
        {
            "fast": lambda: classifier.score(texts),
            "of it, style features": lambda: style_scores(texts, words, weights),
            "of it, normaliser": lambda: [normalise(text) for text in texts],
            "scikit-learn": lambda: vectorizer.transform(texts) @ weights,
        },
        rounds=5,
    )
    figures = {name: {"documents/s": round(len(texts) / ms * 1e3)} for name, ms in times.items()}
    figures["fast against scikit-learn"] = round(times["scikit-learn"] / times["fast"], 1)
    record.write(
        __file__, figures, documents=len(texts), mean_chars=round(sum(map(len, texts)) / len(texts)),
        bar="fast: >= 5,000 documents/s",
    )  # fmt: skip


if __name__ == "__main__":
    main()
