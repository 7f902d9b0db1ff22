"""Measures of quality against hand-derived values, NLTK and sacreBLEU; intervals by simulation; a mark's cost on generated text."""

import math

import numpy as np
import pytest
from assay.errors import DataError
from assay.eval.diversity import distinct, jackknife, log_diversity, repetition, unrepeated
from assay.eval.mean_estimate import cluster_draws
from assay.eval.self_bleu import self_bleu
from assay.eval.subject import Subject
from assay.eval.text_quality import SAMPLE, perplexities, quality

WORDS = ["the", "a", "of", "river", "stone", "green", "light", "walks", "under", "seven", "quiet", "names"]


def random_texts(seed, n, low=4, high=40):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(low, high)))) for _ in range(n)]


def subjects(source, texts, **more):
    return [Subject(f"p{i}", text, "machine", source, cluster=f"c{i // 2}", **more) for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def judge():
    import torch
    from assay.detect.lm import LMScorer
    from assay.models import EMBEDDED, resolve
    from assay.watermark.model import load_model

    torch.set_num_threads(1)
    return LMScorer(load_model(EMBEDDED, resolve(EMBEDDED), device="cpu", dtype="float32"))


def test_repetition_is_the_share_of_repeated_ngrams():
    """`a b a b a`: pairs ab ba ab ba, 2 of 4 distinct; triples aba bab aba, 2 of 3; fours abab baba, both."""
    found = repetition(["a b a b a", "one two three", "same " * 10])
    np.testing.assert_allclose(found[:, 0], [1 / 2, 1 / 3, 0])
    np.testing.assert_allclose(found[:, 1], [0, 0, np.nan])
    np.testing.assert_allclose(found[:, 2], [1 - 1 / 9, 1 - 1 / 8, 1 - 1 / 7])


def test_log_diversity_is_the_papers_formula_with_half_a_count():
    """`a b a b a`: repeats 2 of 4, 1 of 3, 0 of 2. The second repeats nothing: 3, 2 and 1 n-grams."""
    found = log_diversity(["a b a b a", "all words differ here", "two words"])
    first = (1 - 2.5 / 5) * (1 - 1.5 / 4) * (1 - 0.5 / 3)
    second = (1 - 0.5 / 4) * (1 - 0.5 / 3) * (1 - 0.5 / 2)
    np.testing.assert_allclose(found, [-math.log(1 - first), -math.log(1 - second), np.nan])


def test_log_diversity_nears_the_papers_formula_as_repeats_grow():
    text = " ".join(np.random.default_rng(0).choice(WORDS, 20_000))
    plain = -math.log(1 - np.prod(1 - repetition([text])))
    assert log_diversity([text])[0] == pytest.approx(plain, rel=0.01)


def test_one_repeat_more_or_less_does_not_rule_the_mean_of_log_diversity():
    """300 words without a repeat, and with one: a cap of 20 would set them more than 14 apart, an infinity further."""
    none = [f"w{i}" for i in range(300)]
    once = [*none[:298], "w0", "w1"]
    found = log_diversity([" ".join(none), " ".join(once)])
    assert 0 < found[0] - found[1] < 1
    assert found[0] == pytest.approx(math.log(300 / 1.5), abs=0.02)
    assert log_diversity([" ".join(["same"] * 300)])[0] < 1e-6


def test_texts_without_any_repeat_are_counted():
    found = unrepeated(["all words differ here", "a b a b a", "a b c a b", "a b a c a d a", "two words"])
    np.testing.assert_array_equal(found, [1, 0, 0, 1, np.nan])
    texts = ["all words differ here", "a b a b a", "now these differ too", "two words"]
    measures = quality({"s": subjects("s", texts)}, {}, None, None, np.random.default_rng(0), 20)[0]["measures"]
    assert measures["unrepeated"]["value"]["value"] == pytest.approx(2 / 3)
    assert measures["unrepeated"]["value"]["n"] == 3


def test_published_log_diversity_is_what_the_studys_code_computes():
    """That code drops the last n-gram and takes hundredths: of `a b a b a b` pairs ab ba ab ba, triples aba bab aba, fours abab baba."""
    text = "a b a b a b"
    diversity = (1 - 0.5 / 100) * (1 - (1 / 3) / 100) * (1 - 0 / 100)
    found = log_diversity([text, "x y"], as_published=True)
    np.testing.assert_allclose(found, [-math.log(1 - diversity), np.nan])
    assert found[0] - log_diversity([text])[0] > 4


def test_ngrams_are_those_of_nltk_and_do_not_cross_texts():
    from nltk.util import ngrams

    texts = [*random_texts(1, 40, 0, 30), "", "one", " ".join(WORDS)]
    found = repetition(texts)
    for n in (2, 3, 4):
        for text, value in zip(texts, found[n - 2], strict=True):
            listed = list(ngrams(text.split(), n))
            expected = 1 - len(set(listed)) / len(listed) if listed else np.nan
            np.testing.assert_allclose(value, expected, atol=1e-12)


def test_distinct_n_and_its_values_without_each_cluster_are_those_of_counting():
    from nltk.util import ngrams

    texts = random_texts(2, 30, 0, 15)
    clusters = np.arange(30) // 3

    def counted(kept, n):
        listed = [gram for text in kept for gram in ngrams(text.split(), n)]
        return len(set(listed)) / len(listed)

    for n, found in enumerate(distinct(texts, clusters, 10), 1):
        assert found.value == pytest.approx(counted(texts, n))
        left_out = [counted([t for t, k in zip(texts, clusters, strict=True) if k != c], n) for c in range(10)]
        np.testing.assert_allclose(found.without, left_out)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(3).normal(size=50)
    without = (values.sum() - values) / 49
    low, high = jackknife(values.mean(), without)
    assert (high - low) / 2 == pytest.approx(1.959964 * values.std(ddof=1) / math.sqrt(50))
    assert np.isnan(jackknife(1.0, np.array([1.0]))).all()


def test_self_bleu_is_sacrebleus_and_nltks():
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    from sacrebleu.metrics.bleu import BLEU

    texts = [
        *random_texts(4, 25),
        "a a a a a a",
        "a a a a",
        "words nobody else ever uses",
        "the river the river the river",
    ]
    found = self_bleu(texts)
    oracle = BLEU(tokenize="none", smooth_method="floor", smooth_value=0.1, effective_order=True, force=True)
    for i, text in enumerate(texts):
        others = texts[:i] + texts[i + 1 :]
        assert found[i] == pytest.approx(oracle.sentence_score(text, others).score / 100, abs=1e-9), text
        smooth = SmoothingFunction(epsilon=0.1).method1
        nltk = sentence_bleu([one.split() for one in others], text.split(), smoothing_function=smooth)
        assert found[i] == pytest.approx(nltk, abs=1e-9), text


def test_self_bleu_of_copies_is_one_and_needs_two_texts_of_four_words():
    np.testing.assert_allclose(self_bleu(["one two three four five"] * 3), 1.0)
    np.testing.assert_allclose(self_bleu(["one two three", "one two three four"])[0], np.nan)
    assert np.isnan(self_bleu(["one two three four"])).all()
    assert len(self_bleu([])) == 0


def test_perplexity_is_exp_of_minus_the_mean_log_probability(judge):
    import torch

    texts = ["The river was quiet and the light was green.", "Stone of seven names.", "", "a"]
    found = perplexities(texts, judge)
    model = judge._model
    for text, value in zip(texts[:2], found, strict=False):
        ids = [model.tokenizer.bos_token_id, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            expected = model.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
        assert value == pytest.approx(expected, rel=1e-4)
    assert np.isnan(found[2])
    assert np.isnan(found[3])


def test_an_interval_covers_the_mean_of_clustered_values():
    """Nominal 95 %; of 300 samples of 40 clusters 270 to 297 cover (below 270: 1e-4 at 95 %); texts drawn singly would cover half."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        cluster = np.repeat(np.arange(40), 8)
        values = rng.normal(size=40)[cluster] + 0.3 * rng.normal(size=320)
        found = cluster_draws([f"c{i}" for i in cluster], 400, rng).estimate(values)
        covered += found["low"] <= 0.0 <= found["high"]
    assert 270 <= covered <= 297


def test_values_that_are_missing_do_not_count_and_one_cluster_has_no_interval():
    draw = cluster_draws(["a", "a", "b"], 100, np.random.default_rng(0))
    found = draw.estimate(np.array([1.0, np.nan, np.nan]))
    assert found == {"value": 1.0, "low": None, "high": None, "n": 1, "clusters": 1}
    assert draw.estimate(np.full(3, np.nan)) == {"value": None, "low": None, "high": None, "n": 0, "clusters": 0}


def test_differences_are_of_the_texts_that_both_sources_have():
    plain = subjects("g/unmarked", random_texts(6, 60, 20, 40))
    marked = subjects("g/w1", [f"{one.text} the the the the the the" for one in plain])[:50]
    given = {"g/unmarked": plain, "g/w1": marked[::-1]}
    records = quality(given, {"g/w1": "g/unmarked"}, None, None, np.random.default_rng(0), 200)
    assert [(one["source"], one["twin"], one["n"]) for one in records] == [
        ("g/unmarked", None, 60),
        ("g/w1", "g/unmarked", 50),
    ]
    words = records[1]["measures"]["words"]
    assert words["difference"] == {"value": 6.0, "low": 6.0, "high": 6.0, "n": 50, "clusters": 25}
    for name, one in records[1]["measures"].items():
        difference = one["value"]["value"] - one["unmarked"]["value"]
        assert one["difference"]["value"] == pytest.approx(difference, abs=1e-12), name
    assert records[1]["measures"]["repetition_4"]["difference"]["low"] > 0
    assert records[1]["measures"]["distinct_2"]["difference"]["high"] < 0
    assert records[0]["measures"]["words"]["difference"] is None


def test_the_order_of_texts_does_not_matter_and_the_seed_does():
    texts = random_texts(7, 80)
    one, other = ({"s": subjects("s", texts)[::step]} for step in (1, -1))
    found = [
        quality(given, {}, None, None, np.random.default_rng(seed), 100)
        for given, seed in ((one, 0), (other, 0), (one, 1))
    ]
    assert found[0] == found[1] != found[2]


def test_a_large_source_is_sampled_for_self_bleu():
    found = quality(
        {"s": subjects("s", random_texts(8, SAMPLE + 100, 5, 8))}, {}, None, None, np.random.default_rng(0), 50
    )
    measures = found[0]["measures"]
    assert measures["self_bleu"]["value"]["n"] == measures["distinct_1"]["value"]["n"] == SAMPLE
    assert measures["words"]["value"]["n"] == SAMPLE + 100


def test_similarity_compares_each_text_with_its_twin():
    class Same:
        def similarity(self, a, b):
            return np.array([float(x == y) for x, y in zip(a, b, strict=True)])

    plain = subjects("u", random_texts(9, 10))
    marked = subjects("m", [one.text + " !" * (i >= 4) for i, one in enumerate(plain)])
    found = quality({"u": plain, "m": marked}, {"m": "u"}, None, Same(), np.random.default_rng(0), 50)
    assert found[0]["measures"]["similarity"]["value"]["value"] == 0.4
    assert "similarity" not in found[1]["measures"]


def test_empty_and_absent_texts_measure_nothing():
    given = {"m": subjects("m", ["", "  "]), "u": subjects("u", ["", ""])[:0], "e": []}
    found = quality(given, {"m": "u"}, None, None, np.random.default_rng(0), 20)
    by_source = {one["source"]: one for one in found}
    assert by_source["e"] == {"source": "e", "twin": None, "n": 0, "measures": {}}
    assert by_source["m"]["measures"]["self_bleu"]["value"]["value"] is None
    assert by_source["m"]["measures"]["words"]["value"]["value"] == 0.0


def test_a_judge_finds_shuffled_words_more_perplexing(judge, shared):
    from assay.eval import demo

    plain = [passage.text[:600] for passage in demo.human_passages()]
    rng = np.random.default_rng(0)
    shuffled = [" ".join(rng.permutation(text.split())) for text in plain]
    one, other = ([Subject(f"p{i}", text, "machine", name) for i, text in enumerate(texts)] for name, texts in (("plain", plain), ("s", shuffled)))  # fmt: skip
    found = quality({"plain": one, "s": other}, {"s": "plain"}, judge, None, rng, 200)
    measures = found[1]["measures"]
    assert measures["log_perplexity"]["difference"]["low"] > 0.3
    assert measures["perplexity"]["value"]["value"] == pytest.approx(
        np.exp(perplexities(shuffled, judge)).mean(), rel=1e-4
    )


def test_mauve_without_its_package_is_one_line(monkeypatch):
    monkeypatch.setattr("assay.eval.mauve_measure.find_spec", lambda name: None)
    given = {"m": subjects("m", ["a b", "c d"]), "h": [Subject(f"{i}", "e f", "human", "h") for i in range(2)]}
    with pytest.raises(DataError, match="MAUVE needs the package mauve-text; install it"):
        quality(given, {}, None, None, np.random.default_rng(0), 10, mauve=True)
