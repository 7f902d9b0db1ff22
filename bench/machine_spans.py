"""Where machine text stands in mixed documents: spans found by evidence that never saw the domain, beside rivals and the whole-document score.

Leave-domain-out: for each domain the evidence is fitted and calibrated on documents of all others, licensed for it (DetectRL's only test). Mixtures are a human and
a machine text of one `pair_id` where there is one, else of one source and domain, cut at sentences: 180 to 600 words, machine share 25, 50 or 75 %, at the
front, in the middle or at the end. False alarms: whole human documents, and two human documents spliced in the same places. The
rivals add up a metric's contributions above the middle of its human and machine means; they share search, nulls and documents. The least
favourable domain: a null for each domain of the training humans (small ones together), and the largest of their p-values.
"""

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import record
import torch
import zstandard
from assay.detect.calibrate import pool_small
from assay.detect.calibration import Calibration
from assay.detect.intervals import binomial_interval
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.detect.machine_spans import MachineSpan, MachineSpanFinder, calibrate_spans
from assay.detect.metrics import metric_class
from assay.detect.normalise import normalise
from assay.detect.token_evidence import TokenEvidence, counted_places
from assay.detect.token_evidence_fit import letter_tokens
from assay.eval.splice import sentence_break, splice
from assay.models import resolve
from assay.watermark.model import load_model
from assay.watermark.tokenizer import load_tokenizer

FIT, TEST = ("fdg_openmodels", "outfox", "biscope", "liang_bias", "human_only"), ("detectrl_clean",)
DOMAINS = {
    "biscope_arxiv": "abstract", "arxiv": "abstract", "nature_abstract": "abstract", "biscope_creative": "story", "writing": "story",
    "biscope_essay": "essay", "student_essay": "essay", "toefl_nonnative": "essay", "us_8th_grade_essay": "essay", "xsum": "news",
    "cnn_dailymail": "news", "squad": "encyclopedia", "movie_review_2002": "review", "reddit_eli5": "answers",
}  # fmt: skip
GENRES = {"encyclopedic": "encyclopedia", "fiction": "story", "qa": "answers"}
PER_CELL, PER_GENRE, MIXTURES, SPLICES = 150, 20, 45, 30
SHARES, PLACES, WORDS, FEWEST = (0.25, 0.5, 0.75), ("front", "middle", "end"), (200, 600), 180


@dataclass(frozen=True)
class Document:
    """One text of one author; `scores` once it is scored."""

    text: str
    machine: bool
    domain: str
    file: str
    pair: str
    scores: Any = None


@dataclass(frozen=True)
class Mixture:
    """A text of two authors; `start` to `stop` are the characters of the second one, machine or human."""

    text: str
    start: int
    stop: int
    share: float
    place: str
    scores: Any = None


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    documents = scored(list(sampled(rng)))
    humans, machines = ({(d.file, d.domain) for d in documents if d.machine == side} for side in (False, True))
    cells = sorted(humans & machines)
    mixed = {cell: scored(mixtures(documents, cell, MIXTURES, rng)) for cell in cells}
    spliced = {cell: scored(mixtures(documents, cell, SPLICES, rng, machine=False)) for cell in cells}
    figures = measure(documents, mixed, spliced, rng)
    counts = {"mixtures": sum(map(len, mixed.values())), "splices": sum(map(len, spliced.values()))}
    record.write(
        __file__, figures, documents=len(documents), **counts, words=[FEWEST, WORDS[1]], fitted_on=[*FIT, "corpus"]
    )


def sampled(rng: np.random.Generator) -> Iterator[Document]:
    """Up to PER_CELL documents of each file, domain and label, and PER_GENRE of each genre of the corpus; nothing flagged or attacked."""
    rows: dict[tuple[str, str, bool], list[Document]] = defaultdict(list)
    for file, row in read():
        one = Document(normalise(row["text"]).text, row["label"] == "ai", row["domain"], file, row["pair_id"])
        if len(one.text.split()) >= 60:
            rows[file, one.domain, one.machine].append(one)
    for (file, _, _), found in sorted(rows.items()):
        # the same pairs on both sides, so that mixtures find partners
        order = np.random.default_rng(0).permutation(sorted({one.pair for one in found}))
        place = {pair: k for k, pair in enumerate(order.tolist())}
        count = PER_GENRE if file == "corpus" else PER_CELL
        yield from sorted(found, key=lambda one: (place[one.pair], rng.random()))[:count]


def read() -> Iterator[tuple[str, dict]]:
    for file in (*FIT, *TEST):
        with gzip.open(record.shared_data() / "detection" / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                plain = row["attack"] == "none" and row["lang"] == "en" and not row.get("flags")
                if plain and row["domain"] in DOMAINS:
                    yield file, {**row, "domain": DOMAINS[row["domain"]]}
    for row in corpus():
        genre, page = GENRES.get(row["genre"], row["genre"]), row["id"].split("#")[0]
        yield "corpus", {"text": row["text"][:3000], "label": "human", "domain": genre, "pair_id": page}


def corpus() -> Iterator[dict]:
    for name in ("valid", "test"):
        with open(record.shared_data() / "corpus" / f"{name}.jsonl.zst", "rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
            yield from map(json.loads, io.TextIOWrapper(reader, encoding="utf-8"))


def scored(items: list) -> list:
    scorer = LMScorer(load_model("embedded", resolve("embedded"), None, "cpu", "float32"), max_tokens=1024)
    return [replace(one, scores=s) for one, s in zip(items, scorer.score([one.text for one in items]), strict=True)]


def mixtures(
    documents: list[Document], cell: tuple[str, str], count: int, rng: np.random.Generator, machine: bool = True
) -> list[Mixture]:
    here = [d for d in documents if (d.file, d.domain) == cell]
    humans = [d for d in here if not d.machine]
    partners = [d for d in here if d.machine == machine]
    made: list[Mixture] = []
    for k in range(8 * count):
        host = humans[int(rng.integers(len(humans)))]
        same = [d for d in partners if d.pair == host.pair] if machine else [d for d in partners if d.pair != host.pair]
        piece = (same or partners)[int(rng.integers(len(same or partners)))]
        share, place = SHARES[k % 3], PLACES[k // 3 % 3]
        one = mixture(host.text, piece.text, share, place, rng.integers(*WORDS))
        if one and len(made) < count:
            made.append(one)
    return made


def mixture(host: str, piece: str, share: float, place: str, words: int) -> Mixture | None:
    n_host, n_piece = len(host.split()), len(piece.split())
    words = min(words, n_host / (1 - share), n_piece / share)
    host = host[: sentence_break(host, int(len(host) * words * (1 - share) / n_host))].strip()
    piece = piece[: sentence_break(piece, int(len(piece) * words * share / n_piece))].strip()
    at = {"front": 0, "middle": sentence_break(host, len(host) // 2), "end": len(host)}[place]
    made = splice(host, piece, at)
    if len(made.text.split()) < FEWEST or min(len(host), len(piece)) < 100:
        return None
    return Mixture(made.text, made.start, made.stop, share, place)


@dataclass(frozen=True)
class MetricEvidence(TokenEvidence):
    """A metric's contributions in place of learned evidence; everything else of a finder stays."""

    name: str = ""

    def values(self, scores: LMScores) -> np.ndarray:
        """Return (T,): what the token adds to the metric, without the division that makes a sum over the text a mean."""
        scale = np.sqrt(scores.scored("sigma2").sum()) if self.name == "fast_detectgpt" else scores.n_scored
        values = metric_class(self.name)().contributions(scores) * scale + self.offset
        return np.where(self.counted[scores.ids] & (np.arange(len(scores)) >= scores.first), values, 0.0)


@dataclass(frozen=True)
class Whole(MachineSpanFinder):
    """The document as one span: the mean of its evidence."""

    def best(self, scores: LMScores) -> float:
        """Return the mean over the tokens that count."""
        return float(self.evidence(scores)[counted_places(scores, self.tokens.counted)].mean())

    def find(self, scores: LMScores, calibration: Calibration, alpha: float, label: Any = None) -> Any:
        """Return the document if it is significant."""
        p, end = self.p_value(scores, calibration, label).p[0], len(scores)
        return (MachineSpan(0, int(scores.chars[-1, 1]), 0, end, end, 0.0, np.log10(p)),) if p <= alpha else ()


def rival(finder: MachineSpanFinder, name: str, training: list[Document]) -> MachineSpanFinder:
    bare = MetricEvidence(finder.tokens.weights, finder.tokens.by_token, finder.tokens.counted, 0.0, 1.0, name)
    means = [(d.machine, bare.values(d.scores)[counted_places(d.scores, bare.counted)].mean()) for d in training]
    human, ai = (float(np.mean([mean for machine, mean in means if machine == side])) for side in (False, True))
    return replace(finder, name=name, tokens=replace(bare, offset=-(human + ai) / 2, half_gap=(ai - human) / 2))


def prefix(scores: LMScores, n: int) -> LMScores:
    """Return the first n tokens; what a causal model says of them does not depend on the rest."""
    cut = ("ids", "chars", "log_prob", "rank", "entropy", "mu", "sigma2", "top_log_prob")
    return replace(scores, **{name: getattr(scores, name)[:n] for name in cut}, n_tokens=min(n, len(scores)))


@dataclass(frozen=True)
class Found:
    """What a finder says of one text: p of the document, and its spans at 5 %."""

    p: float
    ranges: list[tuple[int, int]]


@dataclass(frozen=True)
class Cell:
    """What a finder says of the texts of one source and domain."""

    name: str
    pure: list[Found]
    spliced: list[Found]
    mixed: list[tuple[Mixture, Found]]


def measure(documents: list[Document], mixed: dict, spliced: dict, rng: np.random.Generator) -> dict:
    out: dict[str, list[Cell]] = defaultdict(list)
    for domain in sorted({domain for _, domain in mixed}):
        training = [d for d in documents if d.domain != domain and d.file not in TEST]
        for name, finder, calibration in finders(training, rng):
            judge = partial(found, finder, calibration)
            for cell in [cell for cell in mixed if cell[1] == domain]:
                pure = [judge(d.scores) for d in documents if (d.file, d.domain) == cell and not d.machine]
                both = [judge(m.scores) for m in spliced[cell]]
                out[name].append(Cell(" ".join(cell), pure, both, [(m, judge(m.scores)) for m in mixed[cell]]))
    return {name: summary(cells) for name, cells in out.items()}


def found(finder: MachineSpanFinder, calibration: Calibration, scores: LMScores) -> Found:
    spans = finder.find(scores, calibration, 0.05)
    return Found(float(finder.p_value(scores, calibration).p[0]), [(s.start, s.stop) for s in spans])


def finders(training: list[Document], rng: np.random.Generator) -> Iterator[tuple[str, MachineSpanFinder, Calibration]]:
    labels, names = [d.machine for d in training], [d.domain for d in training]
    counted = letter_tokens(load_tokenizer(resolve("embedded")))
    finder = MachineSpanFinder.fit([d.scores for d in training], labels, names, counted=counted)
    humans = [d for d in training if not d.machine and d.scores.n_scored >= 200]
    null = [prefix(d.scores, int(rng.integers(200, 900))) for d in humans]
    clusters, domains = [d.pair for d in humans], [d.domain for d in humans]

    def calibrated(one: MachineSpanFinder, **more: Any) -> Calibration:
        limits = {"edges": [200, 400, 1100], "n_min": 100, **more}
        return calibrate_spans(one, null, data="humans of other domains", clusters=clusters, **limits)

    yield "learned", finder, calibrated(finder)
    groups, whole = pool_small(domains, clusters, 60), Whole(**vars(finder))
    yield "learned, least favourable domain", finder, calibrated(finder, groups=groups, edges=[200, 1100], n_min=40)
    yield "whole document, learned", whole, calibrated(whole)
    for one in [rival(finder, name, training) for name in ("log_likelihood", "log_rank", "fast_detectgpt")]:
        yield one.name, one, calibrated(one)


def summary(cells: list[Cell]) -> dict:
    pairs = [pair for c in cells for pair in c.mixed]
    told = {"all": told_of(cells), "by cell": {c.name: told_of([c]) for c in cells}}
    for key, values in (("share", SHARES), ("place", PLACES)):
        told[f"by {key}"] = {str(v): located([(m, f) for m, f in pairs if getattr(m, key) == v]) for v in values}
    return told


def told_of(cells: list[Cell]) -> dict:
    told = located([pair for c in cells for pair in c.mixed])
    told["false alarms, pure human"] = false_alarms([f.p for c in cells for f in c.pure])
    return {**told, "false alarms, spliced human": false_alarms([f.p for c in cells for f in c.spliced])}


def located(pairs: list[tuple[Mixture, Found]]) -> dict:
    """Rates at 5 % and 1 %; where detected, overlap of the spans with the truth and the share of characters on the right side."""
    pairs = [(m, f) for m, f in pairs if np.isfinite(f.p)]
    p = np.array([f.p for _, f in pairs])
    masks = [(mask(m, [(m.start, m.stop)]), mask(m, f.ranges)) for m, f in pairs if f.ranges]
    told: dict[str, Any] = {"mixtures": len(p)}
    told |= {f"detected at {alpha:.0%}": share(p <= alpha) for alpha in (0.05, 0.01) if len(p)}
    if masks:
        told["IoU where detected"] = share([(t & f).sum() / (t | f).sum() for t, f in masks])
        told["characters right where detected"] = share([(t == f).mean() for t, f in masks])
        told["the same, all called machine"] = share([t.mean() for t, _ in masks])
        told["spans where detected"] = round(float(np.mean([len(f.ranges) for _, f in pairs if f.ranges])), 2)
    return told


def share(values: Any) -> float:
    return round(float(np.mean(values)), 3)


def mask(m: Mixture, ranges: list[tuple[int, int]]) -> np.ndarray:
    return np.any([(np.arange(len(m.text)) >= a) & (np.arange(len(m.text)) < b) for a, b in ranges], axis=0)


def false_alarms(found: list[float]) -> dict:
    p = np.array([one for one in found if np.isfinite(one)])
    told: dict[str, Any] = {"documents": len(p)}
    for alpha in (0.05, 0.01) if len(p) else ():
        interval = binomial_interval(int((p <= alpha).sum()), len(p))
        told[f"at {alpha:.0%}"] = [share(p <= alpha), round(interval.low, 3), round(interval.high, 3)]
    return told


if __name__ == "__main__":
    main()
