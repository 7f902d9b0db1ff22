"""Put synonyms in place of words: RAID's "synonym swap", at 50 %.

Two sources, by the option `lexicon`: WordNet (Miller 1995, through nltk, where both it and its data are installed), and, without it, the nearest words in the
input embeddings of the embedded model. The latter are *not synonyms*: they are words that occur alike (`word_neighbours`), and a text attacked by them has lost more of
its meaning than one attacked by a thesaurus, so its figures are no better news for the attacker than they look. WordNet knows senses but not which one is
meant; taken are the words of the most frequent sense of each part of speech, but
for forms of the word itself (`boat` for `boats`).

Deviations from Dugan et al. 2024 (arXiv:2405.07940): RAID proposes words by BERT, keeps those of the same part of speech that are near in FastText, and swaps the
likeliest until 50 % of *all* words are swapped or none is left; here the strength is a share of the words that have a replacement, by a draw each, function words and words of fewer
than three letters have none, and no model runs: this is a look-up in a table. Capitals stay; forms (plural, tense) are not adapted in WordNet's case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

from assay.errors import DataError

from .attack import TextAttack, register_attack
from .characters import Characters, chunks
from .draws import U64
from .lexicon import Lexicon, list_digest, read_lines
from .spelling import replaced_words
from .word_neighbours import embedded_neighbours, same_stem

_FUNCTION_WORDS = "function_words.txt"
_SOURCES = ("auto", "wordnet", "model")


@register_attack("synonyms")
@dataclass(frozen=True)
class Synonyms(TextAttack):
    """Each word that has a replacement gets one with the strength as probability.

    Attributes:
        lexicon: `wordnet`, `model` (the embedded model's neighbours), or `auto`: WordNet where its data is, else the model.
        neighbours: how many replacements a word has at most, the nearest or first ones.
    """

    summary: ClassVar[str] = "put synonyms (WordNet) or near words (embedded model) in place of words"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of the words with a replacement that get it"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.5, 0.8)

    lexicon: str = "auto"
    neighbours: int = 8

    def __post_init__(self) -> None:
        if self.lexicon not in _SOURCES:
            raise ValueError(f"lexicon must be {', '.join(_SOURCES)}, got {self.lexicon!r}")
        if not 1 <= self.neighbours <= 100:
            raise ValueError(f"neighbours must be from 1 to 100, got {self.neighbours}")

    def check(self) -> None:
        """Refuse WordNet where it is not installed.

        Raises:
            DataError: in one line that says how to install it.
        """
        if self.lexicon == "wordnet":
            wordnet_or_why()

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with words replaced.

        Raises:
            DataError: if WordNet is asked for and not there.
            ModelError: if the embedded model's files cannot be read.
        """

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            return replaced_words(chars, self._lexicon(chars), strength, seeds)

        return chunks(texts, seeds, attacked)

    def signature(self) -> dict[str, Any]:
        """Return the options, which lexicon it is here, and what was left out."""
        which = {"used": "wordnet", "wordnet": _wordnet_version()} if self._from_wordnet else {"used": "model"}
        return {**super().signature(), **which, "list": list_digest(_FUNCTION_WORDS)}

    @cached_property
    def _from_wordnet(self) -> bool:
        return self.lexicon == "wordnet" or (self.lexicon == "auto" and has_wordnet())

    def _lexicon(self, chars: Characters) -> Lexicon:
        if self._from_wordnet:
            return _wordnet_lexicon(chars, self.neighbours)
        return _model_lexicon(self.neighbours)


@lru_cache(maxsize=1)
def function_words() -> frozenset[str]:
    """Return words that have no synonyms."""
    return frozenset(word for line in read_lines(_FUNCTION_WORDS) for word in line)


@lru_cache(maxsize=4)
def _model_lexicon(count: int) -> Lexicon:
    return Lexicon(embedded_neighbours(count, function_words()))


def _wordnet_lexicon(chars: Characters, count: int) -> Lexicon:
    """Return the synonyms of the words of a chunk; looked up word by word, and remembered."""
    text = "".join(map(chr, chars.codes.tolist())) if len(chars.codes) else ""
    words = {text[a:b].lower() for a, b in zip(chars.words.start.tolist(), chars.words.stop.tolist(), strict=True)}
    return Lexicon({word: found for word in sorted(words) if (found := wordnet_synonyms(word, count))})


@lru_cache(maxsize=1 << 17)
def wordnet_synonyms(word: str, count: int) -> tuple[str, ...]:
    """Return other words of the most frequent sense of each part of speech, in WordNet's order.

    Raises:
        DataError: if WordNet is not there.
    """
    if len(word) < 3 or not (word.isascii() and word.isalpha()) or word in function_words():
        return ()
    wordnet = wordnet_or_why()
    senses: dict[str, Any] = {}
    for sense in wordnet.synsets(word):
        senses.setdefault(sense.pos(), sense)
    names = (str(name).lower() for sense in senses.values() for name in sense.lemma_names())
    kept = dict.fromkeys(name for name in names if name.isascii() and name.isalpha() and not same_stem(word, name))
    return tuple(kept)[:count]


def has_wordnet() -> bool:
    """Say whether nltk and its WordNet are installed."""
    try:
        wordnet_or_why()
    except DataError:
        return False
    return True


@lru_cache(maxsize=1)
def wordnet_or_why() -> Any:
    """Return nltk's reader of WordNet.

    Raises:
        DataError: in one line that says how to install what is missing.
    """
    instead = "or take lexicon=model, the embedded model's near words"
    try:
        from nltk.corpus import wordnet
    except ImportError:
        raise DataError(
            f"WordNet needs nltk, which is not installed; pip install 'assay[wordnet]', {instead}"
        ) from None
    try:
        wordnet.ensure_loaded()
    except LookupError:
        how = "python -m nltk.downloader wordnet"
        raise DataError(f"nltk has no WordNet data here; install it ({how}), {instead}") from None
    return wordnet


def _wordnet_version() -> str:
    return str(wordnet_or_why().get_version())
