"""A calibration: the human scores that turn a detector's score into a p-value, and the signature of what made them.

A score without a law means nothing by itself, and a threshold made with other weights, another dtype or another
normaliser means something else. So the conversion asks for the signature of the scores at hand and refuses one that
does not fit; documents outside the calibrated lengths or groups abstain, nothing is extrapolated. Made by
`assay.detect.calibrate.fit`, kept as JSON by `assay.detect.calibration_file`.

Groups are Mondrian: a label (a domain, a language, or none) and a range of lengths; each has its own null sample, and
its guarantee is for documents distributed as that sample (see `assay.detect.conformal`). A document of which nobody says
the label gets the largest of the labels' p-values, which holds whichever of them it is of.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from assay.errors import BadCalibration
from numpy.typing import ArrayLike, NDArray

from .conformal import F64, I64, NullScores, mondrian_p
from .levels import Level

Setting = str | int | float | bool | None
HIGHER_IS_MACHINE = "higher is more machine-like"
OTHER = "other"  # the label of the small groups together: a mixture that no text is of

SCORED, NO_SCORE, TOO_SHORT, TOO_LONG, NOT_CALIBRATED = range(5)
"""Why a document has no p-value: `CalibratedP.reason`."""

TEXT_FILTER = "1"
"""Version of what detection abstains on and a calibration leaves out: unusual form (`form.py`) and tampering
(`classified.py`). It changes with their limits: humans kept by another rule are another null."""

# The weights decide, not the name they go by; the release is recorded, `detector_version` says when a formula changed.
_NAMES = {"model": "weights", "revision": "weights", "reference": "reference_weights"}
_NAMES["reference_revision"] = "reference_weights"
_RECORDED_ONLY = frozenset({"version"})


@dataclass(frozen=True)
class Signature:
    """What two scores must share to have one null law.

    Attributes:
        detector: metric or classifier, by name.
        detector_version: of its formula, or the fingerprint of its trained weights.
        normaliser: version of the text normaliser; empty if text was scored as it is.
        length_unit: what lengths count, `tokens` for instance.
        scorer: how the language model read the text, as `LMSignature.to_record()` gives it (weights, dtype, tokenizer,
            start, context, stride, reference model); empty for a detector without one. `model` and `reference` are
            names: they are compared only where there is no fingerprint. `version` (of Assay) is recorded and not
                compared.
        sign: the convention of the score.
    """

    detector: str
    detector_version: str
    normaliser: str
    length_unit: str = "tokens"
    scorer: Mapping[str, Setting] = field(default_factory=dict[str, Setting])
    sign: str = HIGHER_IS_MACHINE

    def differences(self, other: "Signature") -> list[str]:
        """Return what differs, as `name is 'theirs', expected 'ours'`."""
        ours, theirs = self._compared(), other._compared()
        names = [n for n in {**ours, **theirs} if ours.get(n) != theirs.get(n)]
        return [f"{n} is {theirs.get(n, 'missing')!r}, expected {ours.get(n, 'none')!r}" for n in names]

    def _compared(self) -> dict[str, Setting]:
        scorer = {
            name: value
            for name, value in self.scorer.items()
            if name not in _RECORDED_ONLY and not self.scorer.get(_NAMES.get(name, ""))
        }
        own = {"detector": self.detector, "detector_version": self.detector_version, "sign": self.sign}
        return {**own, "normaliser": self.normaliser, "length_unit": self.length_unit, **scorer}


@dataclass(frozen=True)
class Group:
    """The human documents of one label and one range of lengths.

    Attributes:
        label: domain or language; empty where the calibration has none.
        low, high: lengths, half-open.
        null: their scores.
        levels: cuts at 5 %, 1 %, 0.1 % where there are enough documents, with the rates they reach.
    """

    label: str
    low: int
    high: int
    null: NullScores
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class CalibratedP:
    """The p-values of D documents.

    Attributes:
        p: (D,) float64, NaN where the document abstains.
        smallest_p: (D,) float64, the least p that a document of this length (and label) can get; NaN without a group.
        group: (D,) int64, index into the calibration's groups, of the one that gave p; -1 without.
        reason: (D,) uint8, SCORED or why it abstains.
    """

    p: F64
    smallest_p: F64
    group: I64
    reason: NDArray[np.uint8]

    @property
    def log10_p(self) -> F64:
        """(D,) float64, NaN where the document abstains."""
        return np.log10(self.p)


@dataclass(frozen=True)
class Calibration:
    """Human scores by group, and what they were made with.

    Attributes:
        signature: what a score must share to be converted.
        groups: sorted by label and length; the ranges of one label join without gaps.
        data: the user's description of the texts.
        created: ISO date.
        n_given: documents given to the fit.
        left_out: how many of them were not used, by reason.
        clustered: whether clusters were named, and one document of each taken.
        seed: of the draw of one document a cluster, and of random folds.
        text_filter: version of the rule by which texts of unusual form and tampered ones were left out; empty if they
            were not.
    """

    signature: Signature
    groups: tuple[Group, ...]
    data: str
    created: str
    n_given: int
    left_out: Mapping[str, int]
    clustered: bool
    seed: int
    text_filter: str = ""

    @property
    def labels(self) -> list[str]:
        """The labels, sorted."""
        return sorted({group.label for group in self.groups})

    def of(self, label: str) -> "Calibration":
        """Return the calibration of one label alone, for documents known to be of it.

        Raises:
            BadCalibration: if it has no such label.
        """
        groups = tuple(group for group in self.groups if group.label == label)
        if not groups or label in ("", OTHER):
            found = ", ".join(name for name in self.labels if name not in ("", OTHER)) or "none"
            raise BadCalibration(
                f"the calibration of {self.signature.detector!r} has no group {label!r}, it has {found}; "
                "name one of them, or none for the least favourable p"
            )
        return replace(self, groups=groups)

    @property
    def group_note(self) -> str:
        """Whose p-values documents without a label get, in words; empty if there are no labels."""
        if len(self.labels) > 1:
            return f"no group given: the least favourable of {len(self.labels)} groups"
        return f"by the humans of group {self.labels[0]!r}" if self.labels[0] else ""

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that any of the groups can give."""
        return min(group.null.smallest_p for group in self.groups)

    @property
    def reachable_p(self) -> float:
        """The smallest p-value that a document of no stated label can get, at the length most in favour."""
        lengths = np.array([group.low for group in self.groups])
        return float(np.nanmin(self._least_favourable(np.zeros(len(lengths)), lengths).smallest_p))

    @property
    def sha256(self) -> str:
        """Hash of all kept scores, how many documents have each, and the groups they are in."""
        digest = hashlib.sha256()
        for group in self.groups:
            digest.update(f"{group.label}\0{group.low}\0{group.high}\0{len(group.null.scores)}\0".encode())
            digest.update(group.null.scores.astype("<f8").tobytes() + group.null.at_least.astype("<i8").tobytes())
        return digest.hexdigest()

    def fits(self, signature: Signature) -> None:
        """Refuse scores that were not made as the calibration's were, and texts chosen by another rule.

        Raises:
            BadCalibration: naming every difference, in one line.
        """
        wrong = self.signature.differences(signature)
        if self.text_filter not in ("", TEXT_FILTER):
            wrong.append(f"text_filter is {TEXT_FILTER!r}, expected {self.text_filter!r}")
        if wrong:
            raise BadCalibration(
                f"the calibration of {self.signature.detector!r} does not fit these scores: {'; '.join(wrong)}; "
                "score the text as it was calibrated, or calibrate again with `assay calibrate`"
            )

    def p_values(
        self, signature: Signature, scores: ArrayLike, lengths: ArrayLike, labels: Sequence[str] | None = None
    ) -> CalibratedP:
        """Return conformal p-values of D documents.

        Without `labels`, a calibration that has them gives each document the least favourable p: the largest among the
        labels. No smaller than the p of its own label, it is valid (P[p <= a] <= a) for a document exchangeable with
        the humans of ANY one of these labels, or of any mixture of them in whatever shares, which one pooled sample is
        not. The price is power: the label whose humans score highest decides. A label without documents of this length
        has its say by those of the nearest length: otherwise the shortest texts would be judged by few labels. Outside
        the lengths of all labels a document abstains.

        Args:
            signature: how the scores were made.
            scores: (D,) real; not finite abstains.
            lengths: (D,) integers, in the calibration's unit.
            labels: (D,) labels, if the calibration has them and they are known.

        Raises:
            BadCalibration: if the signature does not fit.
            ValueError: if the shapes differ.
        """
        self.fits(signature)
        values = np.asarray(scores, np.float64)
        if labels is not None or self.labels == [""]:
            return self._p_values(values, lengths, labels)
        return self._least_favourable(values, np.asarray(lengths))

    def _least_favourable(self, values: F64, lengths: NDArray[np.integer]) -> CalibratedP:
        """Return of each document the largest p among the labels, each asked at its nearest length."""
        low, high = self._range("")
        each: list[CalibratedP] = []
        for label in self.labels:
            least, most = self._range(label)
            each.append(self._p_values(values, np.clip(lengths, least, most - 1), [label] * len(values)))
        p, smallest = np.stack([one.p for one in each]), np.stack([one.smallest_p for one in each])
        decides = np.where(np.isnan(p), smallest, p).argmax(axis=0)[None]
        reason = np.where(np.isnan(p[0]), np.uint8(NO_SCORE), np.uint8(SCORED))
        reason = np.where(lengths < low, np.uint8(TOO_SHORT), np.where(lengths >= high, np.uint8(TOO_LONG), reason))
        outside = (lengths < low) | (lengths >= high)
        return CalibratedP(
            np.where(outside, np.nan, np.take_along_axis(p, decides, 0)[0]),
            np.where(outside, np.nan, smallest.max(axis=0)),
            np.where(outside, -1, np.take_along_axis(np.stack([one.group for one in each]), decides, 0)[0]),
            reason,
        )

    def _range(self, label: str) -> tuple[int, int]:
        """Return the lengths, half-open, that a label has documents of; of all labels for an empty one."""
        groups = [g for g in self.groups if not label or g.label == label]
        return min((g.low for g in groups), default=0), max((g.high for g in groups), default=0)

    def _p_values(self, values: F64, lengths: ArrayLike, labels: Sequence[str] | None) -> CalibratedP:
        group, reason = self.assign(lengths, labels)
        p = mondrian_p(values, group, [g.null for g in self.groups])
        smallest = np.array([*(g.null.smallest_p for g in self.groups), np.nan])[group]
        reason = np.where((reason == SCORED) & np.isnan(p), np.uint8(NO_SCORE), reason)
        return CalibratedP(p, smallest, group, reason)

    def assign(self, lengths: ArrayLike, labels: Sequence[str] | None = None) -> tuple[I64, NDArray[np.uint8]]:
        """Return the group of each document, (D,) int64 with -1 for none, and the reason, (D,) uint8.

        Where the calibration has labels a group needs one: without, it depends on the score (`p_values`).

        Raises:
            BadCalibration: if the calibration has labels and none were given.
            ValueError: if the shapes differ.
        """
        sizes = np.asarray(lengths)
        if labels is None and self.labels != [""]:
            raise BadCalibration(f"the calibration has the groups {', '.join(self.labels)}; say which a document is of")
        given = np.array([""] if labels is None else labels, dtype=np.str_)
        if labels is not None and given.shape != sizes.shape:
            raise ValueError(f"labels must have one entry a document, got shapes {given.shape} and {sizes.shape}")
        group = np.full(sizes.shape, -1, np.int64)
        reason = np.full(sizes.shape, NOT_CALIBRATED, np.uint8)
        for label in self.labels:
            codes = [i for i, g in enumerate(self.groups) if g.label == label]
            edges = [self.groups[i].low for i in codes] + [self.groups[codes[-1]].high]
            at = np.flatnonzero(np.broadcast_to(given == label, sizes.shape))
            bucket = np.searchsorted(edges, sizes[at], side="right") - 1
            reason[at] = np.where(bucket < 0, TOO_SHORT, np.where(bucket >= len(codes), TOO_LONG, SCORED))
            inside = reason[at] == SCORED
            group[at[inside]] = np.array(codes)[bucket[inside]]
        return group, reason

    def explain(self, reason: int, label: str = "") -> str:
        """Return in words why a document of this label, or of none given, abstains; empty if it does not."""
        low, high = self._range(label)
        unit = self.signature.length_unit
        labels = ", ".join(filter(None, self.labels)) or "no groups"
        return {
            NO_SCORE: "the detector gave no score",
            TOO_SHORT: f"too short: calibrated from {low} {unit} on",
            TOO_LONG: f"too long: calibrated up to {high - 1} {unit}",
            NOT_CALIBRATED: f"not calibrated for {label!r}; calibrated: {labels}",
        }.get(reason, "")
