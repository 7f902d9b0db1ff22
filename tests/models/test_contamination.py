"""The thirteen-word check against plain Python sets, on text made so that the answer can be counted by hand."""

import random
from pathlib import Path

import numpy as np
import pytest
from assay.models.contamination import RUN, WordHashes, contamination, corpus_contamination


def words(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return [f"w{draw.randrange(500)}" for _ in range(count)]


def runs(text: list[str]) -> set[tuple[str, ...]]:
    return {tuple(text[i : i + RUN]) for i in range(len(text) - RUN + 1)}


def test_shared_runs_are_counted_as_sets_of_tuples_would() -> None:
    seen, unseen, partly = words(1, 60), words(2, 80), words(3, 40)
    train = [words(4, 200) + seen + words(5, 50), words(6, 30) + partly[10:30]]
    humans = [("a", seen), ("a", unseen), ("b", partly), ("b", words(7, RUN - 1))]
    table = contamination((" ".join(text) for text in train), [(name, " ".join(text)) for name, text in humans])
    known = set().union(*(runs(text) for text in train))
    for name in ("all", "a", "b"):
        chosen = [text for collection, text in humans if name in ("all", collection) and len(text) >= RUN]
        lists = [[tuple(t[i : i + RUN]) for i in range(len(t) - RUN + 1)] for t in chosen]
        hits = [sum(run in known for run in each) for each in lists]
        assert table[name] == {
            "documents": len(chosen),
            "touched": sum(hit > 0 for hit in hits),
            "over_a_tenth": sum(hit > 0.1 * len(each) for hit, each in zip(hits, lists, strict=True)),
            "shared_runs": round(sum(hits) / sum(map(len, lists)), 8),
        }
    assert table["a"]["touched"] == 1
    assert table["b"]["shared_runs"] == round(8 / 28, 8)  # 20 of 40 words: 8 of 28 runs
    assert list(table) == ["all", "a", "b"]


def test_case_punctuation_and_white_space_hide_nothing() -> None:
    text = "The quick brown fox, it is said, jumped over the lazy dog's 2 kennels by the river."
    plain = "the QUICK brown  fox it is said\njumped over the lazy dog s 2 kennels by the river"
    hashes = WordHashes()
    assert (hashes.runs(text) == hashes.runs(plain)).all()
    assert len(hashes.runs(text)) == 18 - RUN + 1


def test_a_run_is_told_from_its_words_in_another_order() -> None:
    hashes = WordHashes()
    base = [f"w{i}" for i in range(RUN)]
    draws = [random.Random(seed).sample(base, RUN) for seed in range(500)]
    found = {int(hashes.runs(" ".join(order))[0]) for order in [base, *draws]}
    assert len(found) == len({tuple(order) for order in [base, *draws]})


def test_nothing_to_compare_is_no_overlap() -> None:
    assert contamination(["a text"], [])["all"]["documents"] == 0
    short = contamination([], [("x", "too short")])["x"]
    assert short == {"documents": 0, "touched": 0, "over_a_tenth": 0, "shared_runs": 0.0}
    assert WordHashes().runs("").dtype == np.uint64


def test_runs_have_64_bits_to_tell_them_apart() -> None:
    """Of 300,000 distinct runs no two share a hash; of hashes of 32 bits about ten pairs would."""
    text = " ".join(f"w{number}" for number in range(300_000 + RUN - 1))
    assert len(np.unique(WordHashes().runs(text))) == 300_000


def test_missing_folders_are_no_clean_bill_of_health(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no train-\*\.jsonl\.zst"):
        corpus_contamination(tmp_path, tmp_path)
    (tmp_path / "train-00.jsonl.zst").touch()
    with pytest.raises(FileNotFoundError, match=r"has no \*\.jsonl\.gz"):
        corpus_contamination(tmp_path, tmp_path)
