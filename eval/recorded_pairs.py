"""Pairs of a text and its paraphrase, recorded by others: read from files, paired, and what they kept.

Either a record holds both texts in two fields, or, as in the detection schema, original and paraphrase are rows of their own that share `pair_id` and `generator`:
the original has attack `none`, the paraphrase the attack asked for. A pair is taken only if neither side has a second row under the same name.

A warning on DetectRL (Wu et al., NeurIPS 2024): it publishes no pair ids, those in the detection data were inferred from similarity of the texts. So the
pairs found are those that stayed similar, and what is measured on them is what the milder half of the paraphrases did: 399 of 721 DIPPER rows have
a partner there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import Any

from assay.errors import DataError

from .alignment import WORD, Survival, align, keep_repeats, ngram_survival


@dataclass(frozen=True)
class Pair:
    """A text and its paraphrase."""

    name: str
    original: str
    paraphrase: str


@dataclass(frozen=True)
class Pairs:
    """The pairs of some files.

    Attributes:
        pairs: sorted by name.
        unpaired: paraphrases without a partner, or with more than one.
        unreadable: records that could not be read.
    """

    pairs: tuple[Pair, ...]
    unpaired: int
    unreadable: int


@dataclass(frozen=True)
class PairFields:
    """How records are paired: by `original` and `paraphrase` fields in one record, or, where these are empty, by rows of attack `kind`."""

    kind: str = "paraphrase_dipper"
    original: str = ""
    paraphrase: str = ""


def read_pairs(files: Sequence[str], originals: Sequence[str], how: PairFields) -> Pairs:
    """Return the pairs of the files; those of a rows' schema may have their originals in `originals`.

    Raises:
        DataError: in one line, if a file cannot be read or there is no pair in them.
    """
    return _read(tuple(files), tuple(originals), how, _stamps([*files, *originals]))


def read_survivals(files: Sequence[str], originals: Sequence[str], how: PairFields) -> tuple[Survival, ...]:
    """Return what the paraphrases of `read_pairs` kept, sorted by length; kept in memory for the next call.

    Raises:
        DataError: as `read_pairs`.
    """
    return _survivals(tuple(files), tuple(originals), how, _stamps([*files, *originals]))


def survivals(pairs: Sequence[Pair]) -> tuple[Survival, ...]:
    """Return what each paraphrase kept, shortest text first, words said twice and dropped once among it (`keep_repeats`).

    Pairs whose original has no word are left out.
    """
    words = [(WORD.findall(pair.original), WORD.findall(pair.paraphrase)) for pair in pairs]
    found = [keep_repeats(align(before, after), before, after) for before, after in words if before]
    return tuple(sorted(found, key=lambda one: one.length))


def survival_summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return a JSON-ready record of what paraphrases kept: means over pairs, None where there is none.

    `ngram_survival` is the mean share of distinct n-grams left, n = 1 to 4; `kept`, `moved` and `new` are words a word of the original.
    """
    words = [(WORD.findall(pair.original), WORD.findall(pair.paraphrase)) for pair in pairs]
    found = [align(before, after) for before, after in words if before]
    grams = [_mean([ngram_survival(before, after, n) for before, after in words if before]) for n in (1, 2, 3, 4)]
    return {
        "n": len(found),
        "ngram_survival": grams,
        "kept": _mean([one.kept / one.length for one in found]),
        "moved": _mean([one.moved / one.length for one in found]),
        "new": _mean([one.new / one.length for one in found]),
        "length_ratio": _mean([len(after) / len(before) for before, after in words if before]),
        "kept_run": _mean([float(run) for one in found for run in one.kept_runs()]),
        "original_words": _mean([float(one.length) for one in found]),
    }


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else None


@lru_cache(maxsize=8)
def _survivals(
    files: tuple[str, ...], originals: tuple[str, ...], how: PairFields, stamps: Any
) -> tuple[Survival, ...]:
    return survivals(_read(files, originals, how, stamps).pairs)


@lru_cache(maxsize=8)
def _read(files: tuple[str, ...], originals: tuple[str, ...], how: PairFields, stamps: Any) -> Pairs:
    in_one_record = bool(how.original)
    field = how.original if in_one_record else "text"
    records = list(_records(files, field))
    good = [record for record in records if record is not None]
    if in_one_record:
        found = [(f"{i:09d}", text, fields.get(how.paraphrase)) for i, (text, fields) in enumerate(good)]
        pairs = [Pair(name, text, other) for name, text, other in found if isinstance(other, str)]
        unpaired = len(good) - len(pairs)
    else:
        others = list(_records([one for one in originals if one not in files], field))  # a file may hold both sides
        records += others
        pairs, unpaired = _by_rows([*good, *(record for record in others if record is not None)], how.kind)
    if not pairs:
        raise DataError(_none_found(files, how, good))
    return Pairs(tuple(sorted(pairs, key=lambda pair: pair.name)), unpaired, records.count(None))


def _records(files: Sequence[str], field: str) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """Yield text and fields of each record, None for one that cannot be read."""
    from assay.corpus.documents import Unreadable, read_documents

    for file in files:
        for document in read_documents(file, text_field=field):
            yield None if isinstance(document, Unreadable) else (document.text, document.fields)


def _by_rows(records: Sequence[tuple[str, Mapping[str, Any]]], kind: str) -> tuple[list[Pair], int]:
    """Return the pairs of rows, and how many paraphrases have no partner, or not one only."""
    sides: dict[str, dict[tuple[str, str], list[str]]] = {"none": {}, kind: {}}
    for text, fields in records:
        side, name = sides.get(str(fields.get("attack"))), fields.get("pair_id")
        if side is not None and name:
            side.setdefault((str(name), str(fields.get("generator"))), []).append(text)
    asked = [record for record in records if record[1].get("attack") == kind]
    pairs = [
        Pair("/".join(name), sides["none"][name][0], texts[0])
        for name, texts in sides[kind].items()
        if len(texts) == 1 and len(sides["none"].get(name, ())) == 1
    ]
    return pairs, len(asked) - len(pairs)


def _none_found(files: Sequence[str], how: PairFields, good: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    place = ", ".join(files)
    if how.original:
        return (
            f"{place}: no record has both fields {how.original!r} and {how.paraphrase!r}; name the fields of the pair"
        )
    kinds = sorted({str(fields["attack"]) for _, fields in good if fields.get("attack")} - {"none"})
    there = f"attacks there: {', '.join(kinds)}" if kinds else "no row has a field 'attack'"
    return (
        f"{place}: no row of attack {how.kind!r} shares pair_id and generator with one of attack 'none'; {there}; "
        "name the kind, and the files of the originals"
    )


def _stamps(files: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return sizes and times of the files, (0, 0) for one that is not there: reading it says so."""
    stats = [Path(file).stat() if Path(file).is_file() else None for file in files]
    return tuple((0, 0) if stat is None else (stat.st_size, stat.st_mtime_ns) for stat in stats)
