"""Published scores of other detectors, evaluated again on the documents at hand: ranking, 1 % of humans, and a threshold moved from other domains.

The scores are those that the authors of Fast-DetectGPT (Bao et al. 2024) and Glimpse (Bao et al. 2025) published for each document; nothing is
scored here. Conventions: higher is machine; entropy has the published sign turned round, for as published it ranks human text higher;
`white-box` is scored by the generator itself, which no user can do. A document of `fdg_openmodels` is cut to each generator's length, so a human
original appears up to five times: all intervals (95 %) draw whole `pair_id`s, and a generator is compared with the humans that were cut for it.
Half of the published documents are here, so figures differ a little from the papers'; `published` shows theirs beside.

`--scores FILE` adds detectors on the same documents, joined by id: a line is {"id", "label", "domain", "pair_id", "lengths", "scores": {name: value}};
a score that is missing or null takes the document from every detector of the table, and `left out` counts these.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import record
from assay.eval.ranking import Estimate, auroc, clustered, exceed, threshold_at, tpr_at

DRAWS, DRAWS_OF_A_PART = 1000, 300
RATE = 0.01

# AUROC of the papers' own tables, all documents, mean of XSum, SQuAD and WritingPrompts (reproduced from their files).
PUBLISHED = {
    "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy": [0.984, 0.957, 0.998, 0.959],
    "gpt-j-6B_gpt2-xl.sampling_discrepancy": [0.999, 0.949, 0.958, 0.928],
    "white-box sampling_discrepancy": [0.997, 0.991, 0.994, 0.987],
    "white-box npr": [0.995, 0.983, 0.988, 0.950],
    "white-box lrr": [0.960, 0.940, 0.952, 0.918],
    "white-box logrank": [0.939, 0.922, 0.923, 0.882],
    "white-box likelihood": [0.913, 0.896, 0.890, 0.848],
    "white-box dna_gpt": [0.903, 0.880, 0.869, 0.823],
}
GENERATORS = ["gpt2-xl", "opt-2.7b", "gpt-neo-2.7B", "gpt-j-6B"]


@dataclass(frozen=True)
class Document:
    """A scored document; `generators` are its writer or, of a human text, those it was cut for (empty: all)."""

    id: str
    file: str
    machine: bool
    domain: str
    pair_id: str
    length: int
    generators: frozenset[str]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Sample:
    """The documents that one detector scored: arrays of one length, `generators` a list of it."""

    scores: np.ndarray
    machine: np.ndarray
    domains: np.ndarray
    clusters: np.ndarray
    lengths: np.ndarray
    generators: list[frozenset[str]]

    def where(self, keep: np.ndarray) -> "Sample":
        """Return the documents at which `keep` is true."""
        arrays = (a[keep] for a in (self.scores, self.machine, self.domains, self.clusters, self.lengths))
        return Sample(*arrays, [g for g, k in zip(self.generators, keep, strict=True) if k])


def main() -> None:
    args = arguments(__doc__).parse_args()
    documents, added, left_out = published(folder(args.data)), {}, 0
    if args.scores:
        documents, added, left_out = joined(documents, given(args.scores))
    figures = {}
    for file in sorted({d.file for d in documents}):
        figures[file] = {name: evaluated(name, s) for name, s in samples(documents, file).items() if s.machine.any()}
        print(markdown(file, figures[file]), file=sys.stderr)
    record.write(__file__, figures, documents=len(documents), left_out=left_out, given=sorted(added), rate=RATE,
                 draws=DRAWS, draws_of_a_part=DRAWS_OF_A_PART, seed=0)  # fmt: skip


def arguments(doc: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of labelled documents and peer_scores.jsonl.gz")
    parser.add_argument("--scores", type=Path, help="JSONL of other detectors' scores")
    return parser


def folder(data: Path | None) -> Path:
    path = data or record.shared_data() / "detection"
    if not (path / "peer_scores.jsonl.gz").is_file():
        sys.exit(f"--data must be a folder with peer_scores.jsonl.gz, got {path.name!r}; name the detection data")
    return path


def published(data: Path) -> list[Document]:
    """Return the documents that have published scores, each with its length in characters."""
    scores = {}
    for line in lines(data / "peer_scores.jsonl.gz"):
        values = line["scores"].items()
        scores[line["id"]] = {f"{k} (negated)" if "entropy" in k else k: -v if "entropy" in k else v for k, v in values}
    found = []
    for path in sorted(data.glob("*.jsonl.gz")):
        if path.name != "peer_scores.jsonl.gz":
            found += [document(d, path.name.split(".")[0], scores[d["id"]]) for d in lines(path) if d["id"] in scores]
    return found


def document(line: dict, file: str, scores: dict[str, float]) -> Document:
    cut_for = frozenset(k[len("whitebox(") : k.index(")")] for k in scores if k.startswith("whitebox("))
    machine = line["label"] == "ai"
    own = frozenset([line["generator"]]) if machine else cut_for
    return Document(line["id"], file, machine, line["domain"], line["pair_id"], len(line["text"]), own, scores)


def given(path: Path) -> list[Document]:
    """Return the documents of a JSONL of scores; `lengths` is a number, or one by detector (their median is used)."""
    found = []
    for number, line in enumerate(lines(path), 1):
        fields = {"id", "label", "domain", "scores"} & set(line)
        if len(fields) < 4 or line["label"] not in ("human", "ai") or not isinstance(line["scores"], dict):
            sys.exit(
                f"{path.name} line {number}: needs id, domain, label (human or ai), scores by name; got {line}"[:300]
            )
        sizes = line.get("lengths") or 0
        length = int(np.median(list(sizes.values()))) if isinstance(sizes, dict) else int(sizes)
        scores = {k: np.nan if v is None else float(v) for k, v in line["scores"].items()}
        own = frozenset([line["generator"]] if line["label"] == "ai" and "generator" in line else [])
        pair = line.get("pair_id") or line["id"]
        found.append(Document(line["id"], "given", line["label"] == "ai", line["domain"], pair, length, own, scores))
    return found


def lines(path: Path):
    if not path.is_file():
        sys.exit(f"no such file: {path.name!r}; expected JSONL, plain or .gz")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                sys.exit(f"{path.name} line {number}: not JSON ({error}); expected one object a line")


def joined(peers: list[Document], others: list[Document]) -> tuple[list[Document], set[str], int]:
    """Return the peers' documents that every other detector scored too, with its scores; the names; how many lack one."""
    names = {name for d in others for name in d.scores}
    by_id = {d.id: d.scores for d in others}
    complete = {i for i, scores in by_id.items() if all(np.isfinite(scores.get(n, np.nan)) for n in names)}
    kept = [replace(d, scores={**d.scores, **by_id[d.id]}) for d in peers if d.id in complete]
    if not kept:
        sys.exit(f"none of the {len(by_id)} ids of --scores has published scores and all of its own; join by id")
    return kept, names, len(peers) - len(kept)


def samples(documents: list[Document], file: str) -> dict[str, Sample]:
    """Return what each detector scored; the white-box ones of one metric are joined, a text once for each generator."""
    writers = {g for d in documents if d.machine for g in d.generators}
    rows: dict[str, list[tuple[Document, float]]] = {}
    for doc in (d for d in documents if d.file == file):
        for name, value in doc.scores.items():
            model, metric = name.removeprefix("whitebox(").split(").") if name.startswith("whitebox(") else ("", name)
            if model in writers:
                rows.setdefault(f"white-box {metric}", []).append((replace(doc, generators=frozenset([model])), value))
            elif not model and np.isfinite(value):
                rows.setdefault(name, []).append((doc, value))
    return {name: sample([d for d, _ in found], [v for _, v in found]) for name, found in sorted(rows.items())}


def sample(documents: list[Document], scores: list[float]) -> Sample:
    columns = ([d.machine for d in documents], [d.domain for d in documents], [d.pair_id for d in documents])
    machine, domains, clusters = map(np.array, columns)
    lengths = np.array([d.length for d in documents])
    return Sample(np.array(scores), machine, domains, clusters, lengths, [d.generators for d in documents])


def evaluated(name: str, sample: Sample) -> dict:
    rng = np.random.default_rng(0)
    domains, writers = sorted(set(sample.domains)), {g for s in parts_of(sample, True) for g in s}
    by_generator = {g: of_generator(sample, g) for g in GENERATORS + sorted(writers - set(GENERATORS)) if g in writers}
    return {
        "pooled": ranked(sample, rng, DRAWS),
        "by generator": {g: ranked(s, rng) | by_domain(name, g, s, domains) for g, s in by_generator.items()},
        "by domain": {d: ranked(sample.where(sample.domains == d), rng) for d in domains},
        "threshold of the other domains": {d: moved(sample, d, rng) for d in domains},
    }


def parts_of(sample: Sample, machine: bool) -> list[frozenset[str]]:
    return [g for g, m in zip(sample.generators, sample.machine, strict=True) if m == machine]


def of_generator(sample: Sample, generator: str) -> Sample:
    """Return a generator's texts and the human ones that were cut for it; all human ones where none were."""
    cut = any(parts_of(sample, False))
    kept = [generator in g or (not m and not cut) for g, m in zip(sample.generators, sample.machine, strict=True)]
    return sample.where(np.array(kept))


def by_domain(name: str, generator: str, sample: Sample, domains: list[str]) -> dict:
    """Return the means over domains, as the papers' tables have them, and the papers' own."""
    parts = [sample.where(sample.domains == d) for d in domains]
    result = {
        "mean AUROC of domains": rounded(np.mean([auroc(p.scores, p.machine) for p in parts])),
        "mean TPR of domains": rounded(np.mean([tpr_at(RATE)(p.scores, p.machine) for p in parts])),
    }
    if name in PUBLISHED:
        result["published AUROC"] = PUBLISHED[name][GENERATORS.index(generator)]
    return result


def ranked(sample: Sample, rng: np.random.Generator, draws: int = DRAWS_OF_A_PART) -> dict:
    part = sample.scores, sample.machine, sample.clusters.tolist(), rng, draws
    return {
        "human": int((~sample.machine).sum()),
        "machine": int(sample.machine.sum()),
        "clusters": len(set(sample.clusters)),
        "AUROC": shown(clustered(auroc, *part)),
        "TPR at 1 %": shown(clustered(tpr_at(RATE), *part)),
    }


def moved(sample: Sample, domain: str, rng: np.random.Generator) -> dict | None:
    """Return what the 1 % threshold of the other domains' humans does here; the intervals take it as given."""
    here, human = sample.domains == domain, ~sample.machine
    if here.all():
        return None
    threshold = threshold_at(sample.scores[human & ~here], RATE)
    found = {}
    for label, keep in (("FPR", here & human), ("TPR", here & ~human)):
        part = sample.where(keep)
        share = clustered(lambda s, _: exceed(s, threshold), part.scores, part.machine, part.clusters.tolist(), rng,
                          DRAWS_OF_A_PART)  # fmt: skip
        found[label] = shown(share)
    return found


def shown(estimate: Estimate) -> list[float | None]:
    """Return [value, low, high]."""
    figures = asdict(estimate)
    return [rounded(figures[k]) for k in ("value", "low", "high")]


def rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def markdown(file: str, figures: dict) -> str:
    """Return a table: pooled with intervals, the means over generators and domains, and the moved threshold at its worst."""
    head = ["detector", "human / machine", "AUROC", "TPR at 1 %", "mean AUROC of generators and domains", "mean TPR",
            "moved threshold: FPR by domain", "TPR by domain"]  # fmt: skip
    domains = ", ".join(next(iter(figures.values()))["by domain"])
    table = [f"\n**{file}** (domains: {domains})\n", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, found in figures.items():
        pooled, parts = found["pooled"], found["by generator"].values()
        away = [m for m in found["threshold of the other domains"].values() if m]
        cells = [
            name,
            f"{pooled['human']} / {pooled['machine']}",
            span(pooled["AUROC"], ".3f"),
            span(pooled["TPR at 1 %"], ".2f"),
        ]
        cells += [
            f"{np.mean([p[f'mean {k} of domains'] for p in parts]):{f}}" for k, f in (("AUROC", ".3f"), ("TPR", ".2f"))
        ]
        cells += [", ".join(f"{100 * m[k][0]:.1f} %" for m in away if m[k][0] is not None) for k in ("FPR", "TPR")]
        table.append("| " + " | ".join(cells) + " |")
    return "\n".join(table)


def span(figures: list[float | None], form: str) -> str:
    value, low, high = (np.nan if v is None else v for v in figures)
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


if __name__ == "__main__":
    main()
