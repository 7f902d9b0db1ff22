"""Detection from texts: exact and corrected p-values, spans in characters, abstention with a reason, refusals in one line."""

import math
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from assay.detect.detection import Detection, Threshold
from assay.detect.exact import binomial_log10_sf
from assay.detect.marks import MarkDetector, detect_text
from assay.detect.tokens import tokenize
from assay.errors import BadProfile, DataError, ModelError, TokenizerMismatch
from assay.models import embedded_path
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import green, words_of
from assay.watermark.key import Key, write_key
from assay.watermark.profile import LoadedMark, to_toml
from scipy import stats
from tokenizers import Tokenizer

KEY = Key(bytes(range(32)))
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
FOREIGN = f"{FAMILY} naïve cafe\u0301 — 日本語です。\n\U0001f1e9\U0001f1ea ½ "
SENTENCE = (
    " The committee met again on Thursday to decide what should be done about the old bridge, and several members argued "
    "that it would be cheaper to build a new one than to repair it before the winter."
)


def p_values(detections: list[Detection]) -> list[float]:
    return [p for d in detections for p in (d.log10_p, d.best_span_log10_p) if p is not None]


@pytest.fixture(scope="module")
def mark() -> GreenList:
    return GreenList(KEY)


@pytest.fixture
def on_disk(mark, loaded_of, tmp_path) -> LoadedMark:
    """The mark as `load_mark` finds it."""
    loaded = loaded_of(mark, tmp_path / "mark.toml")
    loaded.path.write_text(to_toml(loaded.profile))
    write_key(mark.key, tmp_path / "mark.key")
    return loaded


def test_a_marked_text_is_detected_with_the_exact_tail_of_its_counts(mark, loaded_of, write, tokenizer):
    """The counts by hand: distinct words of the contract, those below the threshold."""
    text = write(1, 120, mark)
    detector = MarkDetector([loaded_of(mark)])
    (found,) = detector.detect([text])[0]
    words = np.unique(words_of(tokenizer.backend.encode(text).ids, mark.hash_key))
    assert found.n_tokens == len(tokenizer.backend.encode(text).ids)
    assert found.n_scored == len(words)
    assert found.statistic == green(words, 0.25).sum()
    assert found.log10_p == binomial_log10_sf(int(found.statistic), found.n_scored, 0.25) < -20
    assert found.skipped["short_context"] == 1
    assert found.n_scored + sum(found.skipped.values()) == found.n_tokens
    assert detector.decide([found]).verdict == "detected"
    assert found.detector == "greenlist:mark"
    assert found.key_fingerprint == KEY.fingerprint


def test_an_unmarked_text_and_another_key_are_not_detected(mark, loaded_of, write):
    detector = MarkDetector([loaded_of(mark)])
    other = MarkDetector([loaded_of(GreenList(Key(bytes(32))))])
    for each, text in ((detector, write(2, 300)), (other, write(1, 300, mark))):
        (found,) = each.detect([text])[0]
        assert found.log10_p > -4
        assert each.decide([found]).verdict == "not_detected"


def test_a_text_does_not_depend_on_its_batch(mark, loaded_of, write):
    texts = [write(1, 150, mark), "", write(2, 80), FOREIGN, write(3, 40, mark) + FOREIGN + write(4, 60), "One"]
    for spans in (False, True):
        detector = MarkDetector([loaded_of(mark)], spans=spans)
        together = detector.detect(texts)
        assert [[d.to_record() for d in row] for row in together] == [
            [d.to_record() for d in detector.detect([text])[0]] for text in texts
        ]
        backwards = detector.detect(texts[::-1])[::-1]
        assert [[d.to_record() for d in row] for row in backwards] == [[d.to_record() for d in row] for row in together]
        assert detector.detect([]) == []


@pytest.mark.parametrize("shape", [("ordered", 1, False), ("ordered", 3, False), ("minhash", 2, True)], ids=str)
def test_a_span_is_the_marked_stretch_in_characters(loaded_of, write, shape):
    """A marked stretch between unmarked ones, with emoji, flags and combining characters around: the span holds nine tenths of it
    and has at most as much again of its surroundings, and its numbers are those of its own tokens."""
    kind, width, salted = shape
    mark = GreenList(KEY, context=kind, context_width=width, self_salt=salted)
    before, marked, after = FOREIGN + write(5, 80) + FOREIGN, write(6, 160, mark), FOREIGN + write(7, 80) + FAMILY
    detector = MarkDetector([loaded_of(mark)], spans=True)
    (found,) = detector.detect([before + marked + after])[0]
    assert len(found.spans) == 1
    span, start, stop = found.spans[0], len(before), len(before + marked)
    shared = min(span.stop, stop) - max(span.start, start)
    assert shared > 0.9 * len(marked)
    assert span.stop - span.start - shared < len(marked)
    assert max(span.log10_p, found.best_span_log10_p) < -6
    assert 0.4 < span.green / span.n_scored <= 1
    assert span.n_scored <= span.stop_token - span.start_token


def test_a_span_says_the_same_in_tokens_and_in_characters(mark, loaded_of, write, tokenizer):
    """Cyrillic and emoji inside the marked stretch: several tokens a character, several characters a token."""
    pieces = [write(seed, 25, mark) for seed in range(20, 26)]
    text = FOREIGN + write(8, 60) + f" пример {FAMILY}".join(pieces) + write(9, 60) + FOREIGN
    detector = MarkDetector([loaded_of(mark)], spans=True)
    (found,) = detector.detect([text])[0]
    chars = tokenize([text], tokenizer, with_chars=True).chars
    assert found.spans
    for span in found.spans:
        assert (span.start, span.stop) == (chars[span.start_token, 0], chars[span.stop_token - 1, 1])
        assert 0 <= span.start < span.stop <= len(text)
    inside = text[found.spans[0].start : found.spans[-1].stop]
    assert FAMILY in inside
    assert "пример" in inside


def test_two_marked_stretches_are_two_spans_in_order(mark, loaded_of, write):
    parts = [write(10, 150), write(11, 100, mark), write(12, 1500), write(13, 100, mark), write(14, 150)]
    (found,) = MarkDetector([loaded_of(mark)], spans=True).detect(["".join(parts)])[0]
    assert len(found.spans) == 2
    assert all(a.stop <= b.start for a, b in pairwise(found.spans))


def test_several_marks_are_corrected_by_the_number_of_pvalues_looked_at(loaded_of, write):
    """Three keys and their span searches are six p-values: the least times six decides."""
    marks = [GreenList(Key(bytes([i]) * 32)) for i in range(3)]
    text = write(15, 60, marks[1])
    for spans, tried in ((False, 3), (True, 6)):
        detector = MarkDetector([loaded_of(m) for m in marks], Threshold(1e-3), spans=spans)
        found = detector.detect([text])[0]
        decision = detector.decide(found)
        assert decision.tried == tried == sum(d.n_tests for d in found)
        assert decision.log10_p == pytest.approx(min(p_values(found)) + math.log10(tried), abs=1e-12)
        assert decision.verdict == "detected"
        assert found[1].log10_p == min(d.log10_p for d in found)


def test_unmarked_texts_are_called_detected_at_most_at_the_rate_alpha(loaded_of, write):
    """Two keys with spans at alpha .05, 400 texts of 60 words, a new pair of keys for each 20; the number detected is below
    the upper 1e-6 quantile of Binomial(400, .05)."""
    detected = 0
    for group in range(20):
        marks = [GreenList(Key(bytes([group, i]) * 16)) for i in range(2)]
        detector = MarkDetector([loaded_of(m) for m in marks], Threshold(0.05), spans=True)
        texts = [write(1000 + 20 * group + i, 60) for i in range(20)]
        detected += sum(detector.decide(found).verdict == "detected" for found in detector.detect(texts))
    assert detected <= stats.binom.isf(1e-6, 400, 0.05)


def test_a_sentence_said_200_times_is_not_flagged_by_any_of_200_keys(loaded_of):
    """7,000 tokens, 35 pairs. Over 200 keys the p-values are those of one reading: those below .01 are no more than the upper
    1e-6 quantile of Binomial(200, .01), and none comes near 1e-6, where counting repeats would put half of them."""
    marks = [loaded_of(GreenList(Key(number.to_bytes(32, "big")))) for number in range(200)]
    found = MarkDetector(marks, spans=True).detect([SENTENCE * 200])[0]
    alone = Threshold(1e-6)
    assert all(alone.decide([d]).verdict == "not_detected" for d in found)
    assert all(d.n_scored < 50 for d in found)
    assert all(d.skipped["repeat"] > 5000 for d in found)
    assert sum(d.log10_p <= -2 for d in found) <= stats.binom.isf(1e-6, 200, 0.01)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no token"),
        ("a", "0 distinct (context, token) pairs of 1 tokens"),
        (" the" * 500, "1 distinct (context, token) pairs of 500 tokens"),
    ],
)
def test_what_is_too_short_or_repeats_itself_abstains_with_the_reason(mark, loaded_of, text, what):
    detector = MarkDetector([loaded_of(mark)], spans=True)
    (found,) = detector.detect([text])[0]
    assert found.abstained == f"too short or too repetitive: {what}, needs 20"
    assert (found.n_tests, found.spans, found.best_span_log10_p) == (0, (), None)
    decision = detector.decide([found])
    assert (decision.verdict, decision.log10_p, decision.tried) == ("abstain", None, 0)
    assert decision.reasons == (f"greenlist:mark: {found.abstained}",)


def test_a_mark_without_context_abstains_until_it_is_calibrated(loaded_of, write):
    mark = GreenList(KEY, context_width=0)
    detector = MarkDetector([loaded_of(mark)])
    (found,) = detector.detect([write(16, 100, mark)])[0]
    assert found.abstained.startswith("needs calibration on human text: context_width 0: one fixed list for all texts")
    assert found.log10_p < -6, "the evidence is shown all the same"
    assert detector.decide([found]).verdict == "abstain"


def test_one_mark_that_abstains_leaves_the_word_to_the_others(mark, loaded_of, write):
    silent = GreenList(Key(bytes(32)), context_width=0)
    detector = MarkDetector([loaded_of(silent), loaded_of(mark)])
    decision = detector.decide(detector.detect([write(17, 100, mark)])[0])
    assert (decision.verdict, decision.tried, decision.reasons) == ("detected", 1, ())


def test_the_minimum_of_scored_tokens_is_the_thresholds_then_the_profiles(mark, loaded_of, write):
    text = write(18, 31, mark)  # 30 pairs
    for profile_minimum, threshold, speaks in (
        (30, Threshold(), True), (31, Threshold(), False), (31, Threshold(min_tokens=30), True), (1, Threshold(min_tokens=31), False)
    ):  # fmt: skip
        (found,) = MarkDetector([loaded_of(mark, min_tokens=profile_minimum)], threshold).detect([text])[0]
        assert found.n_scored == 30
        assert (found.abstained == "") is speaks


def test_common_sequences_are_left_out_as_the_profile_says(mark, loaded_of):
    with_list, without = (MarkDetector([loaded_of(mark, skip_common=name)]) for name in ("en-1", "none"))
    (some,), (all_of_them,) = with_list.detect([SENTENCE * 2])[0], without.detect([SENTENCE * 2])[0]
    assert some.skipped["common"] > 5
    assert "common" not in all_of_them.skipped
    assert some.n_scored < all_of_them.n_scored


def test_another_tokenizer_is_refused_and_the_message_names_the_right_one(mark, loaded_of, tmp_path):
    backend = Tokenizer.from_file(str(embedded_path() / "tokenizer.json"))
    backend.add_tokens(["assay"])
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(TokenizerMismatch) as caught:
        MarkDetector([loaded_of(mark)], model=str(tmp_path))
    message = str(caught.value)
    assert "expects the tokenizer of 'embedded'" in message
    assert f"got that of {str(tmp_path)!r}" in message
    assert "\n" not in message


def test_another_folder_with_the_same_tokenizer_is_welcome(mark, loaded_of, write, tmp_path):
    shutil.copy(embedded_path() / "tokenizer.json", tmp_path)
    text = write(19, 100, mark)
    here, there = (MarkDetector([loaded_of(mark)], model=model).detect([text]) for model in (None, str(tmp_path)))
    assert here == there


def test_a_model_folder_may_lie_beside_the_profile(mark, loaded_of, tmp_path, monkeypatch):
    (tmp_path / "marks" / "model").mkdir(parents=True)
    shutil.copy(embedded_path() / "tokenizer.json", tmp_path / "marks" / "model")
    loaded = loaded_of(mark, tmp_path / "marks" / "mark.toml", model="./model")
    monkeypatch.chdir(tmp_path)
    assert MarkDetector([loaded]).detect([""])[0][0].abstained
    with pytest.raises(ModelError):
        MarkDetector([replace(loaded, path=tmp_path / "mark.toml")])


def test_marks_of_a_base_and_a_chat_model_do_not_disturb_each_other(mark, loaded_of, write, tmp_path):
    """One fingerprint, other control tokens: each mark is tested as if it were alone, in either order."""
    backend = Tokenizer.from_file(str(embedded_path() / "tokenizer.json"))
    backend.add_special_tokens(["<|user|>"])
    backend.save(str(tmp_path / "tokenizer.json"))
    base, chat = loaded_of(mark), loaded_of(mark, model=str(tmp_path))
    text = "<|user|>".join(write(seed, 20, mark) for seed in range(40, 44))
    alone = [MarkDetector([m]).detect([text])[0][0] for m in (base, chat)]
    assert alone[0].n_tokens != alone[1].n_tokens
    assert MarkDetector([base, chat]).detect([text])[0] == alone
    assert MarkDetector([chat, base]).detect([text])[0] == alone[::-1]


def test_what_cannot_be_tested_is_refused_in_one_line(mark, loaded_of):
    with pytest.raises(BadProfile, match=r"^no mark given: name at least one profile"):
        MarkDetector([])
    with pytest.raises(DataError, match=r"^text 0: holds the lone surrogate \\ud800 at character 0; remove it$"):
        MarkDetector([loaded_of(mark)]).detect(["\ud800"])
    weak = loaded_of(GreenList(KEY, delta=1e-6))
    with pytest.raises(
        BadProfile, match=r"^profile mark\.toml: this mark is too weak to locate [^\n]*; test without spans$"
    ):
        MarkDetector([weak], spans=True)
    assert MarkDetector([weak]).detect([SENTENCE])[0][0].n_scored > 20


def test_one_call_reads_profile_and_key_and_decides(on_disk, write):
    decision, (found,) = detect_text(write(1, 120, on_disk.mark), on_disk.path, spans=True)
    assert decision.verdict == "detected"
    assert decision.tried == 2
    assert found.spans
    assert detect_text(SENTENCE, str(on_disk.path), alpha=1e-6)[0].verdict == "not_detected"


def test_detection_imports_neither_torch_nor_transformers_nor_scipy(on_disk):
    program = (
        "import sys, assay\n"
        "decision, found = assay.detect_text(sys.argv[2], sys.argv[1], spans=True)\n"
        "assert found[0].n_scored > 20 and found[0].best_span_log10_p is not None\n"
        "heavy = {'torch', 'transformers', 'scipy.stats', 'scipy.special', 'pandas', 'pyarrow', 'matplotlib', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"  # numba itself imports the bare `scipy`, to see its version
    )
    command = [sys.executable, "-c", program, str(on_disk.path), SENTENCE]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
