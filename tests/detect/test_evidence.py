"""Every token has a reason, in the order of `docs/assay-1.md`, section 6; characters are those of the text."""

import numpy as np
import pytest
from assay.detect.evidence import Reason, gather
from assay.detect.tokens import Tokens, tokenize
from assay.errors import DataError
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import green, words_of
from assay.watermark.key import Key
from assay.watermark.pairs import CommonSet
from hypothesis import given
from hypothesis import strategies as st

KEY = Key(bytes(range(32)))
OK, SHORT, REPEAT, SPECIAL, COMMON = (
    Reason.SCORED, Reason.SHORT_CONTEXT, Reason.REPEAT, Reason.SPECIAL, Reason.COMMON
)  # fmt: skip
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"  # five characters that show as one
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(
        [FAMILY, "e\u0301", "ñ", " the", "\n\n", "<|endoftext|>", "\u0000", "日本語", "क्षि", "\ufeff", "ﬁ"]
    ),
    max_size=8,
).map("".join)


def tokens_of(*documents: list[int], special: tuple[int, ...] = (0,)) -> Tokens:
    mask = np.zeros(8192, np.bool_)
    mask[list(special)] = True
    ids = np.array([i for document in documents for i in document], np.int32)
    return Tokens(ids, np.cumsum([0, *map(len, documents)], dtype=np.int64), mask)


def reasons(mark: GreenList, document: list[int], common: CommonSet | None = None) -> list[Reason]:
    return [Reason(r) for r in gather(tokens_of(document), mark, common).document(0).reason]


def test_each_token_has_its_reason():
    """Width 2, id 0 a control token.

    5, 6 stand too early; (5, 6) 7 is scored; 0 is special, and so are the two tokens that have it in their context; (8, 9) 10,
    (9, 10) 5 and (10, 5) 6 are new; (5, 6) 7 was there before; (6, 7) 8 was not: the 8 before followed 7, 0.
    """
    ids = [5, 6, 7, 0, 8, 9, 10, 5, 6, 7, 8]
    expected = [SHORT, SHORT, OK, SPECIAL, SPECIAL, SPECIAL, OK, OK, OK, REPEAT, OK]
    mark = GreenList(KEY, context_width=2)
    assert reasons(mark, ids) == expected
    assert gather(tokens_of(ids), mark).document(0).scored.tolist() == [r == OK for r in expected]


def test_a_short_context_comes_before_a_special_one():
    assert reasons(GreenList(KEY, context_width=2), [0, 0, 0, 5, 6, 7]) == [SHORT, SHORT, *[SPECIAL] * 3, OK]


def test_without_a_context_only_the_token_counts():
    assert reasons(GreenList(KEY, context_width=0), [5, 0, 5, 6, 6]) == [OK, SPECIAL, REPEAT, OK, REPEAT]


def test_one_token_repeated_is_one_pair():
    assert reasons(GreenList(KEY), [7] * 100) == [SHORT, OK, *[REPEAT] * 98]


def test_common_pairs_are_left_out_and_never_become_repeats():
    """(5) 6 is common; special comes before common, common before repeat."""
    mark = GreenList(KEY)
    common = CommonSet(words_of(np.array([5, 6]), mark.hash_key))
    assert reasons(mark, [5, 6, 5, 6, 0, 6, 7], common) == [SHORT, COMMON, OK, COMMON, SPECIAL, SPECIAL, OK]
    assert reasons(mark, [5, 6, 5, 6, 0, 6, 7]) == [SHORT, OK, OK, REPEAT, SPECIAL, SPECIAL, OK]


def test_the_order_of_a_minhash_context_does_not_make_a_new_pair():
    mark = GreenList(KEY, context="minhash", context_width=2)
    assert reasons(mark, [5, 6, 7, 0, 0, 6, 5, 7])[-1] == REPEAT
    assert reasons(GreenList(KEY, context_width=2), [5, 6, 7, 0, 0, 6, 5, 7])[-1] == OK


def test_documents_know_nothing_of_each_other():
    batch = gather(tokens_of([5, 6], [], [5, 6], [0], [5, 6, 5, 6]), GreenList(KEY))
    assert [batch.document(d).reason.tolist() for d in range(5)] == [
        [SHORT, OK], [], [SHORT, OK], [SHORT], [SHORT, OK, OK, REPEAT]
    ]  # fmt: skip
    assert batch.n_scored.tolist() == [1, 0, 1, 0, 2]


def test_values_are_the_green_bits_of_the_words():
    mark, ids = GreenList(KEY, gamma=0.5, context_width=3), np.random.default_rng(1).integers(1, 8192, 200)
    batch = gather(tokens_of(ids.tolist()), mark)
    evidence = batch.document(0)
    expected = green(words_of(ids, mark.hash_key), 0.5)
    assert evidence.values.dtype == np.float64
    assert evidence.values[3:].tolist() == expected.astype(float).tolist()
    assert evidence.scored.tolist() == [False] * 3 + [True] * 197
    assert batch.n_positive.tolist() == [expected.sum()]
    assert evidence.law == mark.law


def test_no_document_is_no_evidence():
    batch = gather(tokens_of(), GreenList(KEY))
    assert len(batch.n_scored) == len(batch.values) == 0


def test_a_batch_is_read_as_its_texts(tokenizer):
    texts = ["", "One.", "The second text.", "", FAMILY]
    together = tokenize(texts, tokenizer, with_chars=True)
    assert len(together) == 5
    for d, text in enumerate(texts):
        one = tokenize([text], tokenizer, with_chars=True)
        part = slice(together.offsets[d], together.offsets[d + 1])
        assert together.ids[part].tolist() == one.ids.tolist() == tokenizer.backend.encode(text).ids
        assert together.chars[part].tolist() == one.chars.tolist()
    assert together.ids.dtype == np.int32
    assert tokenize([], tokenizer).ids.shape == (0,)
    assert tokenize(texts, tokenizer).chars is None


def test_control_tokens_spelt_out_in_a_text_are_special(tokenizer):
    tokens = tokenize(["before it<|endoftext|> after it all"], tokenizer)
    reason = gather(tokens, GreenList(KEY)).document(0).reason
    place = tokens.ids.tolist().index(0)
    assert reason[place : place + 2].tolist() == [SPECIAL, SPECIAL]
    assert SPECIAL not in reason[:place]
    assert SPECIAL not in reason[place + 2 :]


@given(TEXTS)
def test_characters_cover_the_text_from_end_to_end(tokenizer, text):
    """In order, without gaps; tokens that share a character's bytes all hold it; whole tokens spell their characters."""
    tokens = tokenize([text], tokenizer, with_chars=True)
    chars = tokens.chars
    if not text:
        assert len(chars) == 0
        return
    assert chars[0, 0] == 0
    assert chars[-1, 1] == len(text)
    assert (chars[:, 0] < chars[:, 1]).all()
    assert (np.diff(chars, axis=0) >= 0).all()
    assert (chars[1:, 0] <= chars[:-1, 1]).all()
    for token, (start, stop) in zip(tokens.ids.tolist(), chars.tolist(), strict=True):
        spelled = tokenizer.backend.decode([token], skip_special_tokens=False)
        assert "\ufffd" in spelled or spelled == text[start:stop]


@pytest.mark.parametrize("text", ["a\ud800", "\udfff", "ok \udc80 ok"])
def test_half_a_surrogate_pair_is_refused_by_text_and_place(tokenizer, text):
    with pytest.raises(DataError) as caught:
        tokenize(["fine", text], tokenizer)
    place = next(i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff")
    assert str(caught.value) == (
        f"text 1: holds the lone surrogate \\u{ord(text[place]):04x} at character {place}; remove it"
    )


def test_what_is_no_text_is_a_type_error(tokenizer):
    with pytest.raises(TypeError):
        tokenize([5], tokenizer)  # type: ignore[list-item]
