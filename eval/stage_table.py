"""The table of a plan, put together from what the store holds; and the records of a report that are not made from scores: damage, lengths, counts of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .mean_estimate import cluster_draws
from .plan_grid import Grid, Source, Variant
from .score_table import COLUMNS, FLOATS, INTEGERS, STRINGS, Kind, ScoreTable
from .store import Node, Store, canonical_sha256

if TYPE_CHECKING:
    from .detector import EvalDetector

_OF_TEXT = ("label", "generator", "domain", "lang", "group", "cluster")
_OF_SCORE = ("n_tokens", "empty", "score", "log10_p", "abstained", "n_scored")


@dataclass(frozen=True)
class Texts:
    """The texts of the sources, by source and id, as the store has them."""

    by_source: Mapping[str, Mapping[str, Mapping[str, Any]]]


def read_sources(store: Store, grid: Grid) -> Texts:
    """Return all texts before any attack."""
    return Texts({source.name: {one["id"]: one for one in store.records(source.node)} for source in grid.sources})


def build_table(store: Store, grid: Grid, texts: Texts, detectors: "Sequence[EvalDetector]") -> ScoreTable:
    """Return one row per text, attack, strength, length and detector, in the table's own order."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for task in grid.tasks:
        variant, source = task.variant, task.variant.source
        subjects = texts.by_source[source.name]
        records = store.records(task.node)
        for record in records:
            subject = subjects[record["id"]]
            columns["text_id"].append(record["id"])
            for name in _OF_TEXT:
                columns[name].append(subject[name])
            columns["mark"].append(source.mark if subject["label"] == "machine" else "")
            for name in _OF_SCORE:
                columns[name].append(record[name])
        same = {"source": source.name, "role": source.role, "attack": variant.title, "strength": variant.strength,
                "length": task.length, "detector": task.detector}  # fmt: skip
        for name, value in same.items():
            columns[name] += [value] * len(records)
    kinds: dict[str, Kind] = {detector.name: detector.kind for detector in detectors}
    return ScoreTable({name: _array(name, columns[name]) for name in COLUMNS}, kinds).sorted()


def text_records(grid: Grid, texts: Texts) -> dict[str, Any]:
    """Return for each source how many texts and clusters it has, who wrote them, and a hash of ids and texts."""
    found: dict[str, Any] = {}
    for source in grid.sources:
        records = texts.by_source[source.name]
        labels = sorted({one["label"] for one in records.values()})
        found[source.name] = {
            "n": len(records),
            "clusters": len({one["cluster"] or one["id"] for one in records.values()}),
            "label": " and ".join(labels),
            "role": source.role,
            "sha256": canonical_sha256(sorted([one["id"], one["text"]] for one in records.values())),
        }
    return found


def length_records(grid: Grid, texts: Texts) -> list[dict[str, Any]]:
    """Return the median number of words of each source."""
    words = {name: [len(one["text"].split()) for one in records.values()] for name, records in texts.by_source.items()}
    return [
        {"source": source.name, "n": len(words[source.name]), "median_words": float(np.median(words[source.name]))}
        for source in grid.sources
    ]


def damage_records(
    store: Store, variants: Sequence[tuple[Variant, Node]], texts: Texts, draws: int, seed: int
) -> list[dict[str, Any]]:
    """Return what each attack did to each source: token edit rate, n-gram survival, length ratio, similarity, with intervals.

    Of an attack that cuts first, what it did at the largest length (0, the whole text, counts as that).
    """
    chosen: dict[tuple[str, str, float], tuple[Variant, Node]] = {}
    for variant, place in variants:
        at = (variant.title, variant.source.name, variant.strength)
        if at not in chosen or _later(variant, chosen[at][0]):
            chosen[at] = variant, place
    found: list[dict[str, Any]] = []
    for (attack, source, strength), (_, place) in chosen.items():
        records = store.records(place)
        if not records:
            continue
        subjects = texts.by_source[source]
        clusters = [subjects[one["id"]]["cluster"] or one["id"] for one in records]
        draw = cluster_draws(clusters, draws, np.random.default_rng(seed))
        similarity = draw.estimate(_values(records, "similarity"))
        found.append(
            {
                "attack": attack,
                "strength": strength,
                "source": source,
                "n": len(records),
                "emptied": sum(bool(one["emptied"]) for one in records),
                "token_edit_rate": draw.estimate(_values(records, "token_edit_rate")),
                "ngram_survival": [draw.estimate(_values(records, "ngram_survival", n)) for n in range(4)],
                "length_ratio": draw.estimate(_values(records, "length_ratio")),
                "similarity": similarity if similarity["value"] is not None else None,
            }
        )
    return found


def _values(records: Sequence[Mapping[str, Any]], name: str, place: int | None = None) -> NDArray[np.float64]:
    """Return (D,) a measure of each text, or what stands at a place in it; NaN where there is none."""
    found = [one[name] if place is None else one[name][place] for one in records]
    return np.array([np.nan if value is None else value for value in found], np.float64)


def _later(one: Variant, other: Variant) -> bool:
    return (one.cut or 2**31) > (other.cut or 2**31)


def _array(name: str, values: list[Any]) -> NDArray[Any]:
    if name in STRINGS:
        column = np.empty(len(values), object)
        column[:] = values
        return column
    if name in FLOATS:
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)
    return np.array(values, np.int32 if name in INTEGERS else np.bool_)


def unmarked_twins(sources: Sequence[Source]) -> dict[str, str]:
    """Return each source with a mark, and that of the same generation without one where there is one."""
    written = [one for one in sources if one.generate is not None and one.label == "machine"]
    unmarked = {one.generate.name: one.name for one in written if one.generate and not one.mark}
    twins = {one.name: unmarked.get(one.generate.name) for one in written if one.generate and one.mark}
    return {name: twin for name, twin in twins.items() if twin is not None}
