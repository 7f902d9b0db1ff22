"""What a mark costs the texts that carry it: measures of quality for each source, and beside its unmarked twin the difference on the same prompts and seeds.

Per text, as a mean with a bootstrap over prompts:

* `perplexity`: exp of minus the mean natural log-probability of its tokens under a judge model; none for fewer than two tokens. `log_perplexity`: that mean itself, which a few
  odd texts do not decide.
* `log_diversity`, `repetition_2` to `_4`: see `diversity.py`. `unrepeated`: the share of texts that repeat no pair, triple or four of words at all, whose log-diversity is only their length.
* `words`: what white space divides.
* `self_bleu`: against the other texts of a sample (`self_bleu.py`); the interval takes these references as they are.
* `similarity`: cosine of sentence embeddings with the unmarked twin.

Of texts together: `distinct_1` to `_3` on the same sample, with a jackknife (`diversity.py`); `mauve` against human texts (`mauve_measure.py`), where asked for, without interval.

With a twin, only texts that both sources have (the same id) count, for both sides; so a difference is exactly that of the two values. Texts that repeat themselves have a low
perplexity: read it beside `repetition_4`. Perplexity of the model that wrote them flatters the unmarked side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .diversity import distinct, jackknife, log_diversity, repetition, unrepeated
from .mean_estimate import ClusterDraws, cluster_draws, estimate
from .self_bleu import self_bleu
from .subject import Subject

if TYPE_CHECKING:
    from assay.detect.lm import LMScorer

F64, I64 = NDArray[np.float64], NDArray[np.int64]
Record = dict[str, Any]

SAMPLE = 500
"""Texts at most that self-BLEU and distinct-n are of: both depend on how many there are."""


class Encoder(Protocol):
    """What compares texts (`sentence_encoder.py`)."""

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> NDArray[Any]:
        """Return (D,) the cosine of each text of `a` with that of `b`."""
        ...


@dataclass(frozen=True)
class _Side:
    """The texts of a source in one order, and what each measure says of each text, (D,)."""

    texts: list[str]
    measures: dict[str, F64]


def quality(
    subjects_by_source: Mapping[str, Sequence[Subject]],
    pairs: Mapping[str, str],
    judge: "LMScorer | None",
    encoder: Encoder | None,
    rng: np.random.Generator,
    draws: int,
    *,
    mauve: bool = False,
) -> list[Record]:
    """Return a JSON-ready record of each source: source, twin, n, and by measure value, unmarked and difference.

    Args:
        subjects_by_source: texts; the order within a source does not matter.
        pairs: of marked sources, the source of their unmarked twins.
        judge: whose perplexity is measured; None for none.
        encoder: what compares texts with their twins; None for none.
        rng: of samples and bootstrap.
        draws: of the bootstrap.
        mauve: whether to measure MAUVE against all human texts given.

    Raises:
        DataError: if MAUVE is asked for and its package is not there.
    """
    human = [
        one.text
        for source in sorted(subjects_by_source)
        for one in _ordered(subjects_by_source[source])
        if one.label == "human"
    ]
    seen: dict[str, dict[str, F64]] = {}
    records: list[Record] = []
    for source in sorted(subjects_by_source):
        own, twin = _ordered(subjects_by_source[source]), pairs.get(source)
        other = _ordered(subjects_by_source.get(twin, ())) if twin is not None else []
        if other:
            shared = {one.id for one in own} & {one.id for one in other}
            own, other = ([one for one in side if one.id in shared] for side in (own, other))
        draw = cluster_draws([one.cluster or one.id for one in own], draws, rng)
        sample = np.sort(rng.permutation(len(own))[:SAMPLE])
        sides = [_side(side, sample, judge, seen) for side in (own, other) if side]
        measures = _compared(sides, draw) | _set_measures(sides, draw, sample)
        if encoder is not None and len(sides) == 2:
            cosine = np.asarray(encoder.similarity(sides[0].texts, sides[1].texts), np.float64)
            measures["similarity"] = _measure(draw.estimate(cosine))
        if mauve and own and own[0].label == "machine" and len(human) > 1:
            from .mauve_measure import mauve_score

            value = mauve_score(human, sides[0].texts)
            measures["mauve"] = _measure(
                estimate(value, np.nan, np.nan, min(len(human), len(own)), draw.weights.shape[1])
            )
        records.append({"source": source, "twin": twin if other else None, "n": len(own), "measures": measures})
    return records


def perplexities(texts: Sequence[str], judge: "LMScorer") -> F64:
    """Return (D,) log-perplexity of each text under a judge: minus the mean log-probability of its tokens; NaN for fewer than two tokens."""
    found = np.full(len(texts), np.nan)
    for number, one in enumerate(judge.score(texts)):
        if len(one) >= 2 and one.n_scored:
            found[number] = -float(one.scored("log_prob").mean())
    return found


def _ordered(subjects: Sequence[Subject]) -> list[Subject]:
    return sorted(subjects, key=lambda one: one.id)


def _side(subjects: Sequence[Subject], sample: I64, judge: "LMScorer | None", seen: dict[str, dict[str, F64]]) -> _Side:
    """Return the measures of each text; the judge reads a source once, however many twins it has."""
    texts = [one.text for one in subjects]
    measures: dict[str, F64] = {f"repetition_{n}": values for n, values in enumerate(repetition(texts), 2)}
    measures["log_diversity"] = log_diversity(texts)
    measures["unrepeated"] = unrepeated(texts)
    measures["words"] = np.array([len(text.split()) for text in texts], np.float64)
    measures["self_bleu"] = np.full(len(texts), np.nan)
    measures["self_bleu"][sample] = self_bleu([texts[i] for i in sample.tolist()])
    if judge is not None:
        known = seen.setdefault(subjects[0].source, {})
        new = [one for one in subjects if one.id not in known]
        for one, value in zip(new, perplexities([one.text for one in new], judge), strict=True):
            known[one.id] = value
        measures["log_perplexity"] = np.array([known[one.id] for one in subjects], np.float64)
        measures["perplexity"] = np.exp(measures["log_perplexity"])
    return _Side(texts, measures)


def _compared(sides: Sequence[_Side], draw: ClusterDraws) -> dict[str, Record]:
    """Return the measures of single texts; with a twin, of the texts for which both have the measure."""
    if not sides:
        return {}
    found: dict[str, Record] = {}
    for name, values in sides[0].measures.items():
        if len(sides) == 1:
            found[name] = _measure(draw.estimate(values))
            continue
        twin = sides[1].measures[name]
        both = np.isfinite(values) & np.isfinite(twin)
        own, other = np.where(both, values, np.nan), np.where(both, twin, np.nan)
        found[name] = _measure(draw.estimate(own), draw.estimate(other), draw.estimate(own - other))
    return found


def _set_measures(sides: Sequence[_Side], draw: ClusterDraws, sample: I64) -> dict[str, Record]:
    """Return distinct-n of the sample, and its difference from the twin's."""
    if not sides:
        return {}
    names, clusters = np.unique(draw.clusters[sample], return_inverse=True)
    codes = clusters.astype(np.int64)
    each = [distinct([side.texts[i] for i in sample.tolist()], codes, len(names)) for side in sides]
    found: dict[str, Record] = {}
    for n, ones in enumerate(zip(*each, strict=True), 1):
        made = [_jackknifed(one.value, one.without, len(sample)) for one in ones]
        if len(ones) == 2:
            made.append(_jackknifed(ones[0].value - ones[1].value, ones[0].without - ones[1].without, len(sample)))
        found[f"distinct_{n}"] = _measure(*made)
    return found


def _jackknifed(value: float, without: F64, n: int) -> Record:
    return estimate(value, *jackknife(value, without), n, len(without))


def _measure(value: Record, unmarked: Record | None = None, difference: Record | None = None) -> Record:
    return {"value": value, "unmarked": unmarked, "difference": difference}
