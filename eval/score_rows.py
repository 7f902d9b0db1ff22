"""The rows of a `ScoreTable` in one order, with its strings as codes and the rows of each condition side by side.

Every figure of `measure` reads its rows here. They are sorted by detector, role, label, length, attack, strength, source and text, and clusters are numbered by
name, so that no figure depends on the order in which a run wrote its table.

A text without a score is never detected and never a false alarm; it sets no threshold and has no part in an AUROC. A text without a cluster is a cluster
of its own.
Which mark a detector looks for is given by name; without it, the mark that has the detector's name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .score_table import HUMAN, MACHINE, UNATTACKED, ScoreTable

F64, Bool, I64 = NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]
CALIBRATION, TEST = "calibration", "test"
_ORDER = ("detector", "role", "label", "length", "attack", "strength", "source", "text_id")


@dataclass(frozen=True)
class Condition:
    """What was done to texts before they were scored.

    Attributes:
        attack, strength: as in the table.
        length: tokens it was cut to; 0 for the whole text.
    """

    attack: str = UNATTACKED
    strength: float = 0.0
    length: int = 0


@dataclass(frozen=True)
class Side:
    """The texts of one class under one condition as one detector scored them; all arrays are (n,), in the order of source and text.

    Attributes:
        score: float64, higher is more machine-like; -inf without a score, and only then.
        log10_p: float64, NaN without a p-value.
        abstains: bool, whether there is a reason to give no verdict.
        cluster: int64 codes shared by all sides.
        text: int64 codes of source and text, the same for every detector.
        tokens: int32.
        rows: int64, where they stand in `ScoreRows`.
    """

    score: F64
    log10_p: F64
    abstains: Bool
    cluster: I64
    text: I64
    tokens: NDArray[np.int32]
    rows: I64

    @property
    def n(self) -> int:
        """Texts."""
        return len(self.score)

    @property
    def clusters(self) -> int:
        """Distinct clusters."""
        return len(np.unique(self.cluster))

    @property
    def scored(self) -> int:
        """Texts that have a score."""
        return int((self.score != -np.inf).sum())

    def having_score(self) -> "Side":
        """Return the texts that have a score."""
        return self if self.scored == self.n else self.where(self.score != -np.inf)

    def detected(self, rate: float) -> Bool:
        """Return (n,) bool: a p-value of at most `rate`, and no reason to abstain."""
        return (self.log10_p <= np.log10(rate) + 1e-12) & ~self.abstains

    def where(self, keep: NDArray[np.bool_] | I64) -> "Side":
        """Return the texts where `keep` (n,) is true, or those at these places."""
        return Side(
            self.score[keep], self.log10_p[keep], self.abstains[keep], self.cluster[keep], self.text[keep],
            self.tokens[keep], self.rows[keep],
        )  # fmt: skip


class ScoreRows:
    """A score table, sorted and coded.

    Attributes:
        detectors: their names, sorted.
        kinds: what each is.
        n_clusters: distinct clusters of the whole table.
        has_p: names of the detectors that give any p-value.
    """

    def __init__(self, table: ScoreTable, marks: Mapping[str, str] | None = None) -> None:
        coded = {name: _codes(table[name]) for name in ("detector", "role", "label", "attack", "source", "text_id")}
        keys = [coded[name][0] if name in coded else table[name] for name in _ORDER]
        order = np.lexsort(keys[::-1])
        self.detectors = coded["detector"][1]
        self.kinds = table.kinds
        self._marks = dict(marks or {})
        self._names = {name: names for name, (_, names) in coded.items()}
        self._codes = {name: codes[order] for name, (codes, _) in coded.items()}
        self._texts = {name: table[name][order] for name in ("mark", "domain", "lang", "group")}
        self._length, self._strength = table["length"][order], table["strength"][order]
        score, self._log10_p = table["score"][order], table["log10_p"][order]
        lowest = np.finfo(
            np.float64
        ).min  # a score of -inf is one: it ranks below all others, and -inf is free for none
        self._score = np.where(np.isnan(score), -np.inf, np.maximum(score, lowest)).astype(np.float64)
        self._abstains = np.array([bool(why) for why in table["abstained"][order]], np.bool_)
        self._empty, self._tokens = table["empty"][order], table["n_tokens"][order]
        self._text = self._codes["source"] * len(self._names["text_id"]) + self._codes["text_id"]
        self._cluster, self.n_clusters = self._clusters(table["cluster"][order])
        self._spans = self._conditions()
        given = np.unique(self._codes["detector"][np.isfinite(self._log10_p)])
        self.has_p = frozenset(self.detectors[int(code)] for code in given)

    def _clusters(self, names: NDArray[np.object_]) -> tuple[I64, int]:
        alone = [f"\0{text}" for text in self._text.tolist()]  # a NUL first: no name of a cluster looks like it
        codes, known = _codes(np.array([name or own for name, own in zip(names, alone, strict=True)], object))
        return codes, len(known)

    def _conditions(self) -> dict[tuple[str, str, str], dict[Condition, dict[str, slice]]]:
        """Return the rows by detector, role and label, then condition, then source."""
        keys = [self._codes[name] if name in self._codes else getattr(self, f"_{name}") for name in _ORDER[:-1]]
        changes = np.zeros(len(self._score), np.bool_)
        for key in keys:
            changes[1:] |= key[1:] != key[:-1]
        starts = [0, *np.flatnonzero(changes).tolist()] if len(changes) else []
        spans: dict[tuple[str, str, str], dict[Condition, dict[str, slice]]] = {}
        for start, stop in zip(starts, [*starts[1:], len(changes)], strict=False):
            who = (self._name("detector", start), self._name("role", start), self._name("label", start))
            condition = Condition(self._name("attack", start), float(self._strength[start]), int(self._length[start]))
            spans.setdefault(who, {}).setdefault(condition, {})[self._name("source", start)] = slice(start, stop)
        return spans

    def _name(self, column: str, row: int) -> str:
        return self._names[column][int(self._codes[column][row])]

    def conditions(self, detector: str, label: str, role: str = TEST) -> list[Condition]:
        """Return what texts of a label were scored under: by length, no attack first, then attack and strength."""
        found = self._spans.get((detector, role, label), {})
        return sorted(found, key=lambda c: (c.length, c.attack != UNATTACKED, c.attack, c.strength))

    def side(
        self, detector: str, label: str, condition: Condition, source: str | None = None, role: str = TEST
    ) -> Side:
        """Return the texts of a label under a condition, from one source or all; none where the table has none.

        Of a mark's detector, machine texts are those that carry its mark; `null_machine` gives the others.
        """
        rows = self._rows(detector, label, condition, source, role)
        if label == MACHINE and self.kinds.get(detector) == "mark":
            rows = rows[self._texts["mark"][rows] == self.mark_of(detector)]
        return self._side(rows)

    def humans(self, detector: str, condition: Condition, source: str | None = None, role: str = TEST) -> Side:
        """Return the human texts under a condition, from one source or all."""
        return self.side(detector, HUMAN, condition, source, role)

    def null_machine(self, detector: str, condition: Condition) -> dict[str, Side]:
        """Return the machine texts that a mark's detector must not find: without a mark, and with another one."""
        rows = self._rows(detector, MACHINE, condition, None, TEST)
        marks = self._texts["mark"][rows]
        other = (marks != "") & (marks != self.mark_of(detector))
        return {"unmarked machine": self._side(rows[marks == ""]), "another mark": self._side(rows[other])}

    def sources(self, detector: str) -> list[str]:
        """Return the sources of machine texts to test that the detector should find, sorted."""
        found = self._spans.get((detector, TEST, MACHINE), {})
        wanted = {s for by_source in found.values() for s, rows in by_source.items() if self._applies(detector, rows)}
        return sorted(wanted)

    def _applies(self, detector: str, rows: slice) -> bool:
        return self.kinds.get(detector) != "mark" or bool((self._texts["mark"][rows] == self.mark_of(detector)).any())

    def calibration_sources(self, detector: str) -> list[str]:
        """Return the sources of human texts that only set thresholds, sorted."""
        found = self._spans.get((detector, CALIBRATION, HUMAN), {})
        return sorted({source for by_source in found.values() for source in by_source})

    def mark_of(self, detector: str) -> str:
        """Return the mark that a detector looks for."""
        return self._marks.get(detector, detector)

    def values(self, side: Side, column: str) -> NDArray[np.object_]:
        """Return (n,) the `mark`, `domain`, `lang` or `group` of texts."""
        return self._texts[column][side.rows]

    def reference_length(self, detector: str) -> int | None:
        """Return the length for figures that are given at one length: 0 (whole texts) where there is one, else the longest."""
        scored = [*self.conditions(detector, HUMAN), *self.conditions(detector, MACHINE)]
        lengths = {c.length for c in scored if c.attack == UNATTACKED}
        return None if not lengths else 0 if 0 in lengths else max(lengths)

    def texts(self) -> Iterator[tuple[str, str, str, Condition, I64]]:
        """Yield source, label, role, condition and rows, each text once, whichever detectors scored it."""
        found: dict[tuple[str, str, str, Condition], list[slice]] = {}
        for (_, role, label), conditions in self._spans.items():
            for condition, by_source in conditions.items():
                for source, rows in by_source.items():
                    found.setdefault((source, label, role, condition), []).append(rows)
        for (source, label, role, condition), spans in found.items():
            rows = np.concatenate([np.arange(span.start, span.stop) for span in spans])
            yield source, label, role, condition, rows[np.unique(self._text[rows], return_index=True)[1]]

    def lowest_log10_p(self, detector: str) -> float:
        """Return the lowest log10 p of any text that a detector scored; inf without any."""
        its = self._log10_p[self._codes["detector"] == self._names["detector"].index(detector)]
        return float(np.nanmin(its)) if np.isfinite(its).any() else np.inf

    def empties(self, rows: I64) -> int:
        """Return how many of these rows are of a text that an attack emptied."""
        return int(self._empty[rows].sum())

    def clusters_of(self, rows: I64) -> int:
        """Return the distinct clusters of these rows."""
        return len(np.unique(self._cluster[rows]))

    def _rows(self, detector: str, label: str, condition: Condition, source: str | None, role: str) -> I64:
        by_source = self._spans.get((detector, role, label), {}).get(condition, {})
        spans = [rows for name, rows in by_source.items() if source is None or name == source]
        return np.concatenate([np.arange(s.start, s.stop) for s in spans]) if spans else np.zeros(0, np.int64)

    def _side(self, rows: I64) -> Side:
        return Side(
            self._score[rows], self._log10_p[rows], self._abstains[rows], self._cluster[rows], self._text[rows],
            self._tokens[rows], rows,
        )  # fmt: skip


def _codes(values: NDArray[np.object_]) -> tuple[I64, list[str]]:
    """Return (N,) codes and the sorted names they stand for; a set is 20 times as fast as sorting N Python strings."""
    listed: list[str] = values.tolist()
    names = sorted(set(listed))
    code = {name: at for at, name in enumerate(names)}
    return np.fromiter((code[name] for name in listed), np.int64, len(listed)), names
