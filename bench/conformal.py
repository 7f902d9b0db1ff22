"""Whether conformal p-values hold their size, and Benjamini-Hochberg its false discovery rate, on real detectors' scores; and where they do not.

`size`: humans are split at random into calibration and test halves by `pair_id`, one document of each in a length bucket. Within such a split
exchangeability holds by construction, so this checks the code and the counting, not the world: the mean over splits must be the level
that n allows, k/(n + 1) with k = floor(alpha (n + 1)), and a single split must follow the beta-binomial law (V. Vovk 2012, arXiv:1209.2673), which is
wider than the binomial one. `originals ignored` keeps every cut of every original, as a careless user would: single splits then leave that law
far more often, and for most detectors more than 1 % of humans have p <= .01. Detectors of one file share their splits.

`crawls`: 4,000 documents with 1, 5 or 20 % machine text. Humans and machine texts are drawn with replacement from originals outside the calibration;
the peers' files have about 300 of them, so one human recurs a dozen times and false discoveries come in lumps (`crawls with a discovery`,
`95th percentile`). `smoothed` draws all humans from a Gaussian kernel estimate of the human scores instead: independent documents, and calibrations of
any size, but the tail beyond the highest real human is the kernel's. It shows what the number of calibration humans does, not how good a detector is.

`transfer`: calibrated on one domain (`set on`), on all other domains together (`pooled`), or with p the largest of the other domains' p-values
(`least favourable`), tested on a domain none of them has seen. Nothing guarantees any of them there. Means over draws of one document of each
original; the intervals draw the tested originals anew and take the calibration as it is. null: n cannot reach alpha.

`--scores FILE` adds detectors: see `peer_scores.py`. All intervals are 95 %.
"""

import sys
from collections import defaultdict
from functools import cache
from itertools import product

import numpy as np
import record
from assay.detect.calibrate import N_MIN, choose_edges, fit
from assay.detect.calibration import SCORED, Calibration, Signature
from assay.detect.clusters import cluster_codes, one_per_cluster
from assay.detect.conformal import null_scores
from assay.detect.fdr import benjamini_hochberg, calibration_size, storey
from peer_scores import Sample, arguments, folder, given, published, samples
from scipy.stats import betabinom, binom, gaussian_kde

ALPHAS, LEVEL, SHARES, CRAWL = (0.01, 0.05, 0.1), 0.1, (0.01, 0.05, 0.2), 4000
SMOOTHED_N = (1000, 2000, 10_000)
FEWEST = 60  # originals of a bucket in a calibration half; of a domain
SIGNATURE = Signature("published", "", "")
FDG, M4 = "fdg_openmodels", "multilingual_m4"
SMOOTHED = ("Fast-DetectGPT, GPT-J and Neo", "Glimpse Fast, GPT-3.5, four languages")
CHOSEN = {
    "Fast-DetectGPT, GPT-J and Neo": (FDG, "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy"),
    "LRR, Neo": (FDG, "t5-3b_gpt-neo-2.7B.lrr"),
    "NPR, Neo": (FDG, "t5-3b_gpt-neo-2.7B.npr"),
    "log-likelihood, white-box": (FDG, "white-box likelihood"),
    "log-rank, white-box": (FDG, "white-box logrank"),
    "rank, white-box": (FDG, "white-box rank"),
    "entropy negated, white-box": (FDG, "white-box entropy (negated)"),
    "Fast-DetectGPT, GPT-J and Neo, four languages": (M4, "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy_analytic"),
    "Glimpse Fast, GPT-3.5, four languages": (M4, "gpt-35-turbo-1106.pde_fastdetect_geometric"),
    "RoBERTa-base, four languages": (M4, "roberta-base-openai-detector"),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--splits", type=int, default=500, help="random splits for the size")
    parser.add_argument("--simulations", type=int, default=500, help="crawls a cell")
    parser.add_argument("--draws", type=int, default=100, help="draws of originals for the transfer")
    args = parser.parse_args()
    figures = {}
    for name, sample in detectors(args).items():
        print(name, file=sys.stderr)
        rng = np.random.default_rng(0)
        n_human, n_originals = int((~sample.machine).sum()), len(set(sample.clusters[~sample.machine]))
        figures[name] = {
            "human": n_human,
            "human originals": n_originals,
            "machine": int(sample.machine.sum()),
            "size": size(sample, args.splits, rng),
            "size, originals ignored": size(sample, args.splits, rng, by_original=False)
            if n_originals < n_human
            else None,
            "crawls": crawls(sample, args.simulations, rng) if sample.machine.any() else {},
            "crawls, smoothed": smoothed(sample, args.simulations, rng) if name in SMOOTHED else None,
            "transfer": transfer(sample, args.draws, rng),
        }
    record.write(__file__, figures, splits=args.splits, simulations=args.simulations, crawl=CRAWL, level=LEVEL, seed=0,
                 needed={str(s): vars(calibration_size(LEVEL, s)) for s in SHARES}, summary=summary(figures),
                 bar="size: mean at most alpha, splits inside as often as the law; crawls: mean FDP at most 0.1")  # fmt: skip


def detectors(args) -> dict[str, Sample]:
    documents = published(folder(args.data))
    by_file = {file: samples(documents, file) for file in (FDG, M4)}
    found = {name: by_file[file][key] for name, (file, key) in CHOSEN.items()}
    for name, sample in samples(given(args.scores), "given").items() if args.scores else ():
        found[f"given: {name}"] = sample
    return found


def halves(sample: Sample, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return which documents are of the originals for calibration, and which of the others."""
    codes = cluster_codes(sample.clusters)
    first = (rng.permutation(codes.max() + 1) % 2 == 0)[codes]
    return first, ~first


def size(sample: Sample, splits: int, rng: np.random.Generator, by_original: bool = True) -> dict:
    human = sample.where(~sample.machine)
    edges = length_edges(human)
    rows = [row for s in range(splits) for row in split_counts(human, edges, s, rng, by_original)]
    table = {alpha: np.array([r[1:] for r in rows if r[0] == alpha]) for alpha in ALPHAS}
    result: dict = {"length buckets": len(edges) - 1, "calibration documents of one": int(np.median(table[0.01][:, 1]))}
    for alpha, (split, n, tested, rank, flagged) in ((a, t.T) for a, t in table.items()):
        rate = np.bincount(split, flagged) / np.bincount(split, tested)
        level = np.bincount(split, tested * rank / (n + 1)) / np.bincount(split, tested)
        bounds = np.array([law(*row) for row in np.stack([n, tested, rank], 1).tolist()]).T
        result[str(alpha)] = {
            "level that n allows": round(float(level.mean()), 5),
            "mean size": round(float(rate.mean()), 5),
            "of the mean": interval(rate, rng),
            "buckets inside the beta-binomial interval": share_inside(flagged, *bounds[:2]),
            "expected by the law": round(float(bounds[4].mean()), 3),
            "buckets inside the binomial interval": share_inside(flagged, *bounds[2:4]),
        }
    return result


def length_edges(human: Sample) -> list[int]:
    """Return octaves where they hold enough for both halves, else halves at the median; a function of lengths only."""
    edges = choose_edges(human.lengths, min(8 * FEWEST, len(human.lengths)))
    middle = int(np.median(human.lengths))
    enough = len(set(human.clusters)) >= 4 * FEWEST and edges[0] < middle < edges[-1]
    return [edges[0], middle, edges[-1]] if len(edges) == 2 and enough else edges


def split_counts(human: Sample, edges: list[int], split: int, rng: np.random.Generator, by_original: bool):
    """Yield (alpha, split, n, tested, rank, flagged) of each bucket of one random split."""
    first, rest = (human.where(keep) for keep in halves(human, rng))
    given = {"clusters": first.clusters.tolist() if by_original else None, "n_min": 1, "seed": split}
    calibration = fit(SIGNATURE, first.scores, first.lengths, data="", edges=edges, **given)
    found = calibration.p_values(SIGNATURE, rest.scores, rest.lengths)
    codes = cluster_codes(rest.clusters)
    for code, group in enumerate(calibration.groups):
        at = np.flatnonzero(found.group == code)
        p = found.p[at[one_per_cluster(codes[at], rng)] if by_original else at]
        for alpha in ALPHAS:
            yield alpha, split, group.null.n, len(p), group.null.rank(alpha), int((p <= alpha).sum())


def share_inside(counts: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    return round(float(((low <= counts) & (counts <= high)).mean()), 3)


@cache
def law(n: int, tested: int, rank: int) -> tuple[float, ...]:
    """Return the 95 % interval of the count by the beta-binomial law, by the binomial, and how often it is in the first."""
    if not rank:
        return 0, 0, 0, 0, 1.0
    cdf = np.cumsum(betabinom.pmf(np.arange(tested + 1), tested, rank, n + 1 - rank))
    low, high = (int(np.searchsorted(cdf, q)) for q in (0.025, 0.975))
    expected = cdf[high] - (cdf[low - 1] if low else 0.0)
    return low, high, *binom.ppf([0.025, 0.975], tested, rank / (n + 1)), expected


def crawls(sample: Sample, simulations: int, rng: np.random.Generator) -> dict:
    """Return the cells of crawls drawn from real scores; a new split for each."""
    human = ~sample.machine
    edges = choose_edges(sample.lengths[human], min(6000, int(human.sum())))
    cells: dict = defaultdict(list)
    n = 0
    for simulation in range(simulations):
        first, rest = halves(sample, rng)
        own = sample.where(first & human)
        own = own.where(np.isin(np.arange(len(own.scores)), one_per_cluster(cluster_codes(own.clusters), rng)))
        calibration = fit(SIGNATURE, own.scores, own.lengths, data="", edges=edges, n_min=1, seed=simulation)
        n = calibration.n_given
        humans, machines = np.flatnonzero(rest & human), np.flatnonzero(rest & sample.machine)
        _, member, copies = np.unique(sample.clusters[humans], return_inverse=True, return_counts=True)
        weight = 1.0 / copies[member] / len(copies)  # originals are equally likely, as in the calibration
        for share in SHARES:
            n_machine = round(share * CRAWL)
            at = np.append(rng.choice(machines, n_machine), rng.choice(humans, CRAWL - n_machine, p=weight))
            found = calibration.p_values(SIGNATURE, sample.scores[at], sample.lengths[at])
            discover(cells, share, np.log10(found.p), n_machine)
    return {"calibration humans": n, "length buckets": len(edges) - 1, **cells_shown(cells, rng)}


def smoothed(sample: Sample, simulations: int, rng: np.random.Generator) -> dict:
    human = sample.where(~sample.machine)
    humans = gaussian_kde(human.scores[one_per_cluster(cluster_codes(human.clusters), rng)])
    machines, result = sample.scores[sample.machine], {}
    for n in SMOOTHED_N:
        cells: dict = defaultdict(list)
        for _ in range(simulations):
            null = null_scores(humans.resample(n, rng))
            for share in SHARES:
                n_machine = round(share * CRAWL)
                scores = np.append(rng.choice(machines, n_machine), humans.resample(CRAWL - n_machine, rng))
                discover(cells, share, np.log10(null.p_values(scores)), n_machine)
        result[f"{n} calibration humans"] = cells_shown(cells, rng)
    return result


def discover(cells: dict, share: float, log10_p: np.ndarray, n_machine: int) -> None:
    """Add (false discovery proportion, power, any) of both procedures; the machine texts come first."""
    for name, procedure in (("Benjamini-Hochberg", benjamini_hochberg), ("Storey", storey)):
        rejected = procedure(log10_p, LEVEL).rejected
        found, right = int(rejected.sum()), int(rejected[:n_machine].sum())
        cells[share, name].append(((found - right) / max(found, 1), right / n_machine, found > 0))


def cells_shown(cells: dict, rng: np.random.Generator) -> dict:
    shown: dict = defaultdict(dict)
    for (share, name), outcomes in cells.items():
        fdp, power, any_found = np.array(outcomes, np.float64).T
        shown[f"{share:.0%} machine"][name] = {
            "mean FDP": round(float(fdp.mean()), 4),
            "of the mean": interval(fdp, rng),
            "95th percentile": round(float(np.quantile(fdp, 0.95)), 3),
            "power": round(float(power.mean()), 4),
            "crawls with a discovery": round(float(any_found.mean()), 3),
        }
    return dict(shown)


def transfer(sample: Sample, draws: int, rng: np.random.Generator) -> dict | None:
    """Return rates on each domain under calibrations of the others; None with fewer than two domains of `FEWEST`."""
    human = sample.where(~sample.machine)
    originals = {str(d): len(set(human.clusters[human.domains == d])) for d in np.unique(human.domains)}
    originals = {d: n for d, n in originals.items() if n >= FEWEST}
    if len(originals) < 2:
        return None
    point, spread = defaultdict(list), defaultdict(list)
    for draw in range(draws):
        at = one_per_cluster(cluster_codes(human.clusters), rng)
        at = at[np.isin(human.domains[at], list(originals))]
        for domain in originals:
            here = human.domains[at] == domain
            rules = calibrations(human, at[~here], min(N_MIN, *originals.values()), draw)
            for key, p in tested(sample, human, at[here], domain, rules).items():
                point[key].append(p.mean() if len(p) else np.nan)
                spread[key].append(rng.choice(p, len(p)).mean() if len(p) else np.nan)
    result: dict = {"human originals": originals}
    for (*path, last), values in sorted(point.items()):
        inner = result
        for step in path:
            inner = inner.setdefault(step, {})
        figures = (np.mean(values), *np.quantile(spread[(*path, last)], [0.025, 0.975]))
        inner[last] = None if np.isnan(figures).any() else [round(float(v), 4) for v in figures]
    return result


def calibrations(human: Sample, at: np.ndarray, n_min: int, seed: int) -> dict[str, tuple[Calibration, str | None]]:
    """Return each rule's calibration on these documents, and the label to ask it with."""
    given = {"data": "", "n_min": n_min, "seed": seed}
    apart = fit(SIGNATURE, human.scores[at], human.lengths[at], groups=human.domains[at].tolist(), **given)
    pooled = fit(SIGNATURE, human.scores[at], human.lengths[at], **given)
    rules = {f"set on {label}": (apart, label) for label in apart.labels}
    return {**rules, "pooled": (pooled, None), "least favourable": (apart, None)}


def tested(sample: Sample, human: Sample, at: np.ndarray, domain: str, rules: dict) -> dict[tuple, np.ndarray]:
    """Return by (what, alpha, rule, domain) which documents are flagged, empty where some p cannot reach alpha."""
    machine = sample.where(sample.machine & (sample.domains == domain))
    tests = {
        "humans flagged": (human.scores[at], human.lengths[at]),
        "machine texts found": (machine.scores, machine.lengths),
    }
    flags = {}
    for (what, test), (rule, (calibration, label)) in product(tests.items(), rules.items()):
        found = calibration.p_values(SIGNATURE, *test, None if label is None else [label] * len(test[0]))
        answered = found.reason == SCORED
        if what == "humans flagged":
            flags["humans that abstain", rule, domain] = ~answered
        for alpha in ALPHAS[:2]:
            reached = (found.smallest_p[answered] <= alpha).all()
            flags[what, str(alpha), rule, domain] = found.p[answered] <= alpha if reached else np.empty(0)
    return flags


def interval(values: np.ndarray, rng: np.random.Generator) -> list[float]:
    """Return the percentile interval of a mean over splits or crawls."""
    means = values[rng.integers(len(values), size=(1000, len(values)))].mean(1)
    return [round(float(q), 5) for q in np.quantile(means, [0.025, 0.975])]


def summary(figures: dict) -> dict:
    """Return how many sizes and crawl cells hold, the interval of the mean reaching down to the bar."""
    sizes = [(alpha, f["size"][str(alpha)]) for f in figures.values() for alpha in ALPHAS]
    cells = [
        cell for f in figures.values() for s in SHARES for cell in f["crawls"].get(f"{s:.0%} machine", {}).values()
    ]
    finding = [c for c in cells if c["power"] >= 0.01]
    return {
        "sizes": len(sizes),
        "mean at most alpha": sum(s["of the mean"][0] <= alpha for alpha, s in sizes),
        "crawl cells": len(cells),
        "of them with power of 1 % or more": len(finding),
        "of these with mean FDP at most the level": sum(c["of the mean"][0] <= LEVEL for c in finding),
        "highest mean FDP": max((c["mean FDP"] for c in finding), default=0.0),
    }


if __name__ == "__main__":
    main()
