"""Texts to ids at the speed of a crawl: `fastokens`, after it has been checked against `tokenizers`; else `tokenizers` itself.

`fastokens` reads the same `tokenizer.json` and gives all ids of a batch in one buffer: 150 to 290 MB of English a second on one core with the embedded
32k byte-level BPE, where `tokenizers` gives 2 to 3. It is another program, so nothing is taken on trust: when a tokenizer is first used both read a sample
of prose, scripts and hostile strings (`SAMPLE`, and the tokenizer's own control tokens spelt out), alone and strung together. One id that
differs, or a tokenizer that `fastokens` cannot load, and `tokenizers` reads everything; `FastTokens.note` then says why. A text that `fastokens` fails on
is read by `tokenizers` too: ids are the same, only slower.

It gives no character offsets; who needs them asks `tokenize(..., with_chars=True)`, which asks `tokenizers`. Its threads are rayon's: one
process a core should run with `RAYON_NUM_THREADS=1`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from assay.watermark.tokenizer import TextTokenizer
from numpy.typing import NDArray

WORTH_CHARS = 200_000
"""Fewer characters than this are read by `tokenizers` in the time that loading and checking `fastokens` would take."""

SAMPLE = (
    "",
    " ",
    "a",
    "The committee met again on Thursday to decide what should be done about the old bridge, and several members argued.",
    "It's what they'd've said: \"don't\" -- WE'LL see; I'M sure... o'clock rock'n'roll \u2018quoted\u2019 \u201cdouble\u201d\u2014dash\u2026",
    "In 1969, 3.14159 of 1,000,000 (50%) cost $12.50 or \u20ac9,99; ISBN 978-3-16-148410-0, 10:42:07, +49 30 901820, 1e-308, 0xFF.",
    "First line\r\nsecond line\rthird\n\n\n\tindented\t\ttwice  \n trailing   \x0b\x0c\x85\u2028\u2029\u00a0\u3000end\r\n",
    'def f(x: int) -> str:\n    return f\'{x!r:>{8}}\' if x else ""  # comment\n\n\nclass A(B): pass\n{"a": [1, 2, {"b": null}]}',
    '<p class="x">Tom &amp; Jerry &lt;b&gt;</p><!-- --> https://example.org/a?b=c&d=%20#frag user@example.com C:\\dir\\file.txt',
    "na\u00efve caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030angstro\u0308m stra\u00dfe \ufb01nal \u0130stanbul \u0131 \u01c5 \u1e9e \u00aa\u00b2\u00bd\u2167",
    "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002\u4e2d\u6587\u6ca1\u6709\u7a7a\u683c\uff0c\u6a19\u9ede\uff01 \ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u30ab\u3099\uff76\uff9e",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u1019\u103c\u1014\u103a\u1019\u102c",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3 \U0001f44d\U0001f3fd \U0001f3f4\U000e0067\U000e0062\U000e007f \U00020000 \U0010ffff",
    "\u0301\u0308 \u0301alone \u0e31 \u200b\u200c\u200d\u2060\ufeff\u00ad \u202eabc\u202c \u2066x\u2069 \u061c\u200f",
    "nul \x00 inside \x00\x00 \x01\x02\x1b[31m \x7f \x80\x9f \ufffd\ufffe\uffff \ue000",
    "a" * 300,
    " " * 300 + "x" + "\n" * 300 + "\t" * 100,
    "=" * 200 + "." * 200 + "_-" * 100,
    "ab" * 150 + "9" * 300 + "\u00e9" * 100 + "\u4e00" * 100 + "\U0001f600" * 40,
    "<|endoftext|><|endoftext|> <|im_start|>user\n<|im_end|><s></s>[INST] <pad><unk><|eot_id|> <|end of text|>",
    "iPhone15ProMax camelCaseWord snake_case_word kebab-case-word UPPERCASE MiXeD x2y3z C++ .NET @user #tag 5kg 100km/h",
    "word" + "\u00a0" + "word\u2009word\u202fword\u205fword\u1680word  double   triple    four ",
    "\ufeffbyte order mark first",
    "the end\u0000",
)
"""What is read by both: each alone, and all in one text."""


@dataclass(frozen=True)
class FastTokens:
    """What reads texts for one tokenizer.

    Attributes:
        tokenizer: the tokenizer whose ids are given.
        fast: `fastokens.Tokenizer`; None if `tokenizers` reads.
        note: why it does, in one line; else empty.
    """

    tokenizer: TextTokenizer
    fast: Any
    note: str

    def ragged(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return (N,) int32 ids of all texts and (D + 1,) int64 offsets; text d is ids[offsets[d] : offsets[d + 1]].

        Raises:
            TypeError: if a text holds a lone surrogate, as `tokenizers` does.
        """
        if self.fast is None:
            return slow_ragged(texts, self.tokenizer)
        flat = _flat(self.fast, texts)
        return slow_ragged(texts, self.tokenizer) if flat is None else flat


def fast_tokens(tokenizer: TextTokenizer) -> FastTokens:
    """Return what reads texts for a tokenizer, checked; the same object for the same tokenizer."""
    return _checked(tokenizer)


def is_ready(tokenizer: TextTokenizer) -> bool:
    """Say whether the tokenizer has been checked already: reading with it then costs nothing more."""
    return tokenizer in _READY


def slow_ragged(texts: Sequence[str], tokenizer: TextTokenizer) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return ids and offsets as `FastTokens.ragged` does, by `tokenizers`."""
    encodings = tokenizer.backend.encode_batch_fast(list(texts), add_special_tokens=False)
    offsets = np.zeros(len(encodings) + 1, np.int64)
    per_document = [np.array(one.ids, np.int32) for one in encodings]
    np.cumsum([len(ids) for ids in per_document], out=offsets[1:])
    return np.concatenate([np.empty(0, np.int32), *per_document]), offsets


def difference(fast: Any, tokenizer: TextTokenizer, sample: Sequence[str]) -> str:
    """Return in words the first of `sample` that both do not read alike; empty if there is none."""
    flat = _flat(fast, sample)
    if flat is None:
        return "fastokens fails on a sample text"
    (ids, offsets), (expected, bounds) = flat, slow_ragged(sample, tokenizer)
    for d in range(len(sample)):
        if not np.array_equal(ids[offsets[d] : offsets[d + 1]], expected[bounds[d] : bounds[d + 1]]):
            return f"fastokens gives other ids than tokenizers for {sample[d][:40]!a}"
    return ""


_READY: set[TextTokenizer] = set()


@lru_cache(maxsize=8)
def _checked(tokenizer: TextTokenizer) -> FastTokens:
    fast, note = _load(tokenizer)
    if fast is not None:
        note = difference(fast, tokenizer, _sample(tokenizer))
    if note:
        fast, note = None, f"{note}; tokenizers reads the texts, at about 2 MB/s"
    _READY.add(tokenizer)
    return FastTokens(tokenizer, fast, note)


def _sample(tokenizer: TextTokenizer) -> list[str]:
    """Return the sample with the tokenizer's own added tokens, in text and out of it."""
    added = [token.content for token in tokenizer.backend.get_added_tokens_decoder().values()][:64]
    spelt = [f"before {token}after {token} {token}{token}\n{token.upper()}" for token in added]
    return [*SAMPLE, *spelt, "".join(SAMPLE), " ".join(SAMPLE[::-1]), "".join(spelt)]


def _load(tokenizer: TextTokenizer) -> tuple[Any, str]:
    try:
        from fastokens import Tokenizer as Fast
    except ImportError:
        return None, "fastokens is not installed"
    try:
        return Fast.from_json_str(tokenizer.backend.to_str()), ""
    except (ValueError, RuntimeError, TypeError, OSError) as error:
        said = " ".join(str(error).split())[:120]
        return None, f"fastokens cannot load the tokenizer of {tokenizer.source!r} ({said})"


def _flat(fast: Any, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]] | None:
    """Return ids and offsets by `fastokens`; None where it fails, for whatever it fails on `tokenizers` reads or refuses."""
    try:
        ids, offsets = fast.encode_batch_flat(list(texts), add_special_tokens=False)
    except (ValueError, RuntimeError, OverflowError, TypeError):
        return None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a Rust panic, which is no Exception
            raise
        return None
    # copies: ids are read-only otherwise, which is another compiled kernel
    return np.frombuffer(ids, "<u4").astype(np.int32), np.frombuffer(offsets, "<u8").astype(np.int64)
