"""The fast tokenizer gives the ids of `tokenizers`, and where it does not it is not used."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest
from assay.detect.fast_tokens import SAMPLE, WORTH_CHARS, difference, fast_tokens, is_ready, slow_ragged
from assay.detect.tokens import tokenize
from assay.errors import DataError
from assay.watermark.tokenizer import TextTokenizer
from fastokens import Tokenizer as Fast
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers


def expected(texts: list[str], tokenizer: TextTokenizer) -> tuple[list[int], list[int]]:
    """By `tokenizers`, a text at a time."""
    ids = [tokenizer.backend.encode(text, add_special_tokens=False).ids for text in texts]
    return [i for one in ids for i in one], np.cumsum([0, *map(len, ids)]).tolist()


def test_ids_are_those_of_tokenizers_on_real_texts_of_all_kinds(shared, tokenizer):
    texts: list[str] = []
    for name in ("human_only", "multilingual_m4", "alpaca_eval", "detectrl_attacked"):
        with gzip.open(shared / "data" / "detection" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line, _ in zip(lines, range(60), strict=False)]
    fast = fast_tokens(tokenizer)
    assert fast.fast is not None, fast.note
    ids, offsets = fast.ragged(texts)
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    assert (ids.tolist(), offsets.tolist()) == expected(texts, tokenizer)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
        | st.sampled_from([*SAMPLE, "<|endoftext|>", "<|endoftext", "\r\n", "\u0301", "\x00"]),
        max_size=8,
    )
)
def test_ids_are_those_of_tokenizers_on_any_string(tokenizer, pieces):
    texts = ["".join(pieces), *pieces]
    ids, offsets = fast_tokens(tokenizer).ragged(texts)
    assert (ids.tolist(), offsets.tolist()) == expected(texts, tokenizer)


def test_a_tokenizer_that_reads_otherwise_is_found_out(tokenizer):
    """One merge less; the rarest ones take a text that uses them, so it is one that the sample's English needs."""
    content = json.loads(tokenizer.backend.to_str())
    at = next(
        i for i, merge in enumerate(content["model"]["merges"]) if merge in (["t", "h"], "t h", ["Ġt", "he"], "Ġt he")
    )
    del content["model"]["merges"][at]
    other = Fast.from_json_str(json.dumps(content))
    assert "other ids than tokenizers" in difference(other, tokenizer, SAMPLE)
    assert difference(fast_tokens(tokenizer).fast, tokenizer, SAMPLE) == ""


def test_a_tokenizer_that_fastokens_cannot_load_is_read_by_tokenizers_with_a_note():
    backend = Tokenizer(models.WordLevel({"one": 0, "two": 1, "?": 2}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    made = TextTokenizer(backend, "words")
    read = fast_tokens(made)
    assert read.fast is None
    assert "tokenizers reads the texts" in read.note
    assert "\n" not in read.note
    ids, offsets = read.ragged(["two one three", "", "one"])
    assert (ids.tolist(), offsets.tolist()) == ([1, 0, 2, 0], [0, 3, 3, 4])


def test_tokenize_gives_the_same_ids_with_characters_and_without(tokenizer):
    texts = [*SAMPLE, "".join(SAMPLE) * (1 + WORTH_CHARS // len("".join(SAMPLE)))]
    fast = tokenize(texts, tokenizer)
    assert is_ready(tokenizer)
    slow = tokenize(texts, tokenizer, with_chars=True)
    assert np.array_equal(fast.ids, slow.ids)
    assert np.array_equal(fast.offsets, slow.offsets)
    assert fast.chars is None
    normalised = tokenize(texts, tokenizer, normalised=True)
    assert np.array_equal(normalised.ids, tokenize(texts, tokenizer, with_chars=True, normalised=True).ids)


def test_no_texts_and_empty_texts_have_no_ids(tokenizer):
    for texts, offsets in ([], [0]), (["", ""], [0, 0, 0]):
        for ids, bounds in (fast_tokens(tokenizer).ragged(texts), slow_ragged(texts, tokenizer)):
            assert (ids.tolist(), ids.dtype, bounds.tolist()) == ([], np.int32, offsets)


def test_a_lone_surrogate_is_refused_in_one_line_by_the_fast_one_too(tokenizer):
    fast_tokens(tokenizer)
    with pytest.raises(DataError, match=r"text 1: holds the lone surrogate \\ud800 at character 2"):
        tokenize(["fine", "ab\ud800"], tokenizer)


def test_a_small_batch_does_not_load_the_fast_tokenizer():
    code = (
        "import sys; from assay.detect.tokens import tokenize; from assay.watermark.tokenizer import load_tokenizer; "
        "from assay.models import embedded_path; tokenize(['short'], load_tokenizer(str(embedded_path()))); "
        "print('fastokens' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
