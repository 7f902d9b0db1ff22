"""How classifiers do on domains and generators that they have not seen, and how thresholds from other domains do there.

For each domain (or family of generators) in turn a classifier is fitted on the FIT rows of the others, calibrated on the CALIBRATE humans of the
others, and judges the rows left out. Three questions, each for every collection that has machine texts there:

* ranking: AUROC, and machine texts above the 1 % of the very humans they are ranked against (`tpr`: no threshold that anybody has), with intervals from a
  bootstrap over clusters;
* transfer: human and machine texts with p <= 1 % when p comes from the humans of the other domains, pooled or by the least favourable of them
  (`Calibration.p_values` without a label);
* abstention: texts of a form or length that is not calibrated count as not detected, and their share is told.

Humans are tested against no classifier that has seen them, and no threshold sees the humans it is tested on: with a generator left out, humans that rank are those of the CALIBRATE half
and of the judges, and the transfer figures are of machine texts only, by p-values that know humans of their domain; `group` uses those alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from assay.detect.calibrate import fit, pool_small
from assay.detect.calibration import Signature
from assay.detect.classified import tampered
from assay.detect.classifier import ClassifierScores
from assay.detect.clusters import cluster_codes, one_per_cluster
from assay.detect.form import form, unusual
from assay.detect.intervals import binomial_interval
from assay.detect.normalise import normalise
from numpy.typing import NDArray

from .collection import CALIBRATE, FIT, JUDGE, Row
from .ranking import auroc, clustered, tpr_at

ALPHA = 0.01
FEWEST_HUMANS, FEWEST_MACHINES = 20, 30
FEWEST_FOR_TPR = 100
"""Humans from which 1 % of them is one."""

FAMILIES = {
    "gpt-3.5-turbo": "GPT-3.5", "gpt-3.5-turbo-1106": "GPT-3.5", "gpt-4": "GPT-4", "gpt-4-turbo-preview": "GPT-4",
    "gpt-4o-mini-2024-07-18": "GPT-4", "gemini-1.0-pro": "Gemini", "flan-t5-xxl": "Flan-T5", "gpt2-xl": "GPT-2",
    "opt-2.7b": "OPT", "gpt-neo-2.7B": "GPT-Neo", "gpt-j-6B": "GPT-J", "llama-7b": "LLaMA", "palm-2": "PaLM",
    "llama-2-70b-chat": "Llama-2-chat",
}  # fmt: skip
"""Generator to the family that is left out together."""

ASSISTANT, MIXED = "assistant", "mixed"
"""Machine answers without a human side; and a collection of many domains, which is none that could be left out, and would leak those that are."""

Bool, F64 = NDArray[np.bool_], NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Table:
    """The rows as arrays of length N, with what every classifier takes of them.

    Attributes:
        rows: as read.
        machine, usable: (N,) bool; usable texts are neither of an unusual form nor tampered with.
        domain, family, collection, part, cluster: (N,) str.
    """

    rows: Sequence[Row]
    machine: Bool
    usable: Bool
    domain: NDArray[np.str_]
    family: NDArray[np.str_]
    collection: NDArray[np.str_]
    part: NDArray[np.str_]
    cluster: NDArray[np.str_]


def table(rows: Sequence[Row]) -> Table:
    """Return rows as a table."""
    return Table(
        rows,
        np.array([row.machine for row in rows]),
        np.array([_usable(row.text) for row in rows]),
        np.array([row.domain for row in rows]),
        np.array([FAMILIES.get(row.generator, row.generator) for row in rows]),
        np.array([row.collection for row in rows]),
        np.array([row.part for row in rows]),
        np.array([row.cluster for row in rows]),
    )


@dataclass(frozen=True)
class Judged:
    """Scores and p-values of all rows by a classifier that has not seen those left out.

    Attributes:
        left_out: name of the domain or family.
        inside: (N,) bool, the rows left out.
        scores: (N,) float64.
        pooled, least_favourable: (N,) float64 p-values from the humans of other domains; NaN where it abstains.
        group: (N,) float64 p-values from the humans of the text's own domain, where they are calibrated on.
    """

    left_out: str
    inside: Bool
    scores: F64
    pooled: F64
    least_favourable: F64
    group: F64


def leave_out(data: Table, kind: Any, prepared: Sequence[Any], field: str, say: Say) -> Iterator[Judged]:
    """Yield one judgement for each domain (or family): `field` is its name in the table."""
    values = getattr(data, field)
    fitted_on = set(values[data.machine & (data.part == FIT)])
    names = sorted(set(values) - {ASSISTANT, MIXED}) if field == "domain" else sorted(set(values[data.machine]))
    away = data.domain == (MIXED if field == "domain" else "")
    everything: ClassifierScores | None = (
        None  # of a classifier fitted on all FIT rows, for generators that are among none of them
    )
    for name in names:
        inside = values == name
        if field == "domain" or name in fitted_on:
            found = _fitted(data, kind, prepared, (data.part == FIT) & ~inside & ~away)
        else:
            everything = everything or _fitted(data, kind, prepared, data.part == FIT)
            found = everything
        known = (data.part == CALIBRATE) & data.usable & np.isfinite(found.scores)
        known &= ~(inside | away) if field == "domain" else True
        say(f"{field} {name} left out: {int(inside.sum()):,} texts, {int(known.sum()):,} humans to calibrate")
        yield Judged(name, inside, found.scores, *_p_values(data, found, known))


def _fitted(data: Table, kind: Any, prepared: Sequence[Any], seen: Bool) -> ClassifierScores:
    """Return the scores of all rows by a classifier fitted on those `seen`."""
    chosen: list[int] = np.flatnonzero(seen & data.usable).tolist()
    groups = data.domain[chosen].tolist()
    fitted = kind.fit([prepared[d] for d in chosen], data.machine[chosen], groups, np.random.default_rng(0), "judged")
    return fitted.score_prepared(prepared)


def _p_values(data: Table, found: ClassifierScores, known: Bool) -> tuple[F64, F64, F64]:
    """Return the p-values of all rows by the humans `known`: pooled, by the least favourable domain, by their own."""
    signature = Signature("judged", "", normaliser="")
    chosen = np.flatnonzero(known)
    clusters = data.cluster[chosen].tolist()
    named = pool_small(data.domain[chosen].tolist(), clusters)
    result: list[F64] = []
    calibration: Any = None
    for groups in (None, named):
        calibration = fit(
            signature,
            found.scores[chosen],
            found.lengths[chosen],
            data="",
            groups=groups,
            clusters=clusters,
            created="-",
        )
        p = calibration.p_values(signature, found.scores, found.lengths).p
        result.append(np.where(data.usable, p, np.nan))
    own = calibration.p_values(signature, found.scores, found.lengths, data.domain.tolist()).p
    return result[0], result[1], np.where(data.usable, own, np.nan)


@dataclass(frozen=True)
class Cell:
    """The machine texts of a domain and collection that were left out, and the humans they are ranked against.

    Attributes:
        domain, collection: whose.
        machines, humans: (N,) bool.
    """

    domain: str
    collection: str
    machines: Bool
    humans: Bool


def cells(data: Table, judged: Judged, field: str, domain: str) -> Iterator[Cell]:
    """Yield the cells of a domain that have enough machine texts; those with fewer humans than `FEWEST_HUMANS` have no ranking."""
    here = (data.domain == domain) & np.isfinite(judged.scores)
    for collection in sorted(set(data.collection[judged.inside & (data.domain == domain) & data.machine])):
        machines = judged.inside & here & data.machine & (data.collection == collection)
        if machines.sum() >= FEWEST_MACHINES:
            yield Cell(domain, collection, machines, _beside(data, here & ~data.machine, collection, field))


def figures(data: Table, judged: Judged, field: str, draws: int) -> list[dict[str, Any]]:
    """Return a JSON-ready record of every domain and collection of the rows left out, and one of all humans of a domain."""
    found: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    for domain in sorted(set(data.domain[judged.inside])):
        here = data.domain == domain
        humans = here & ~data.machine & np.isfinite(judged.scores)
        if field == "domain":
            found.append(
                {
                    "left_out": judged.left_out,
                    "domain": domain,
                    "collection": "all humans",
                    **_humans(data, judged, humans),
                }
            )
        for cell in cells(data, judged, field, domain):
            collection, machines, beside = cell.collection, cell.machines, cell.humans
            record: dict[str, Any] = {"left_out": judged.left_out, "domain": domain, "collection": collection}
            record |= {"humans": int(beside.sum()), "machines": int(machines.sum())}
            if beside.sum() >= FEWEST_HUMANS:
                part = machines | beside
                sample = judged.scores[part], data.machine[part], data.cluster[part].tolist()
                record["auroc"] = _estimate(clustered(auroc, *sample, rng, draws))
                enough = beside.sum() >= FEWEST_FOR_TPR
                record["tpr"] = _estimate(clustered(tpr_at(ALPHA), *sample, rng, draws)) if enough else None
            for rule in ("pooled", "least_favourable", *(["group"] if field == "family" else [])):
                p = getattr(judged, rule)[machines]
                record[f"found_{rule}"] = round(float((p <= ALPHA).mean()), 4)
            record["abstained"] = round(float(np.isnan(judged.least_favourable[machines]).mean()), 4)
            found.append(record)
    return found


LENGTHS = (40, 100, 200, 400, 100_000)
"""Edges of the bins of words by which errors are told."""


def by_length(data: Table, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return what thresholds from other domains do to the rows left out, by their number of words."""
    words = np.array([len(row.text.split()) for row in data.rows])
    attacked = np.array([row.attack != "none" for row in data.rows])
    found: list[dict[str, Any]] = []
    for low, high in pairwise(LENGTHS):
        record: dict[str, Any] = {"words": f"{low} to {high - 1}" if high < LENGTHS[-1] else f"{low} and more"}
        for label, rows in (("humans", ~data.machine), ("machines", data.machine & ~attacked)):
            parts = [one.inside & rows & (words >= low) & (words < high) for one in judged]
            record[label] = sum(int(part.sum()) for part in parts)
            for rule in ("pooled", "least_favourable"):
                hits = sum(
                    int((getattr(one, rule)[part] <= ALPHA).sum()) for one, part in zip(judged, parts, strict=True)
                )
                record[f"{label}_{rule}"] = round(hits / max(record[label], 1), 4)
        found.append(record)
    return found


def _humans(data: Table, judged: Judged, humans: Bool) -> dict[str, Any]:
    """Return how many humans of a domain left out are called machine; one of each cluster, since cuts of one text err together."""
    at = np.flatnonzero(humans)
    kept = at[one_per_cluster(cluster_codes(data.cluster[at]), np.random.default_rng(0))]
    humans = np.isin(np.arange(len(humans)), kept)
    record: dict[str, Any] = {"humans": int(humans.sum())}
    kinds = {"": humans}
    toefl = humans & np.array([row.source_domain == "toefl_nonnative" for row in data.rows])
    if toefl.any():
        kinds["toefl_"] = toefl
        record["toefl_humans"] = int(toefl.sum())
    for prefix, chosen in kinds.items():
        for rule in ("pooled", "least_favourable"):
            alarms = int((getattr(judged, rule)[chosen] <= ALPHA).sum())
            interval = binomial_interval(alarms, int(chosen.sum()), 0.95)
            record[f"{prefix}alarms_{rule}"] = {
                "count": alarms,
                "rate": round(alarms / max(int(chosen.sum()), 1), 4),
                "low": round(interval.low, 4),
                "high": round(interval.high, 4),
            }
        record[f"{prefix}abstained"] = round(float(np.isnan(judged.least_favourable[chosen]).mean()), 4)
    return record


def _beside(data: Table, humans: Bool, collection: str, field: str) -> Bool:
    """Return the humans that a collection's machine texts are ranked against: its own, else those of its domain that nobody fitted on."""
    unseen = humans if field == "domain" else humans & np.isin(data.part, (CALIBRATE, JUDGE))
    own = unseen & (data.collection == {"detectrl_attacked": "detectrl_clean"}.get(collection, collection))
    return own if own.sum() >= FEWEST_HUMANS else unseen & (data.collection != "corpus")


def _estimate(estimate: Any) -> dict[str, float]:
    return {"value": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4)}


def _usable(text: str) -> bool:
    read = normalise(text)
    return not unusual(form(read.text)) and not tampered(read)
