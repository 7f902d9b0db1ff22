"""The texts that the shipped classifiers are fitted, calibrated and judged on, and which of the three each is for.

Reads the two folders of the data that this project is developed with: `detection` (labelled human and machine documents of eleven collections) and `corpus` (human
English by genre, on which the embedded model was trained too; it has seen each token of it less than once on average). Their READMEs have sources and licences.

* Fitted and calibrated on are only collections whose licence allows it; DetectRL and AlpacaEval judge. Rows with a surface trait that gives the label away
  (`flags`), human texts that somebody edited, texts of other languages and of fewer than `FEWEST_WORDS` words are left out of all three.
* Humans are halved by cluster (same prompt, original, page): one half to fit, the other to calibrate, so that no threshold sees a text that the classifier has seen.
* Memorised texts (speeches, drama, law) are calibrated on and never fitted.

Domains of both folders have one set of names, so that leaving one out leaves out its corpus texts too.
"""

import hashlib
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.corpus.documents import Document, read_documents

FEWEST_WORDS = 40
_MOST_CHARS = 8000
"""Characters of a text: more than any classifier reads (`fast.MAX_CHARS`, `reading.MAX_TOKENS`). They are its first, as in detection."""

_MOST_CORPUS_FIT = 2500
"""Characters of a corpus text that is fitted on, from anywhere in it: enough for every crop and prefix."""

DOMAINS = {
    "biscope_arxiv": "abstract", "arxiv": "abstract", "nature_abstract": "abstract", "abstract": "abstract",
    "biscope_creative": "story", "writing": "story", "fiction": "story",
    "biscope_essay": "essay", "student_essay": "essay",
    "xsum": "news", "cnn_dailymail": "news", "news": "news",
    "squad": "encyclopedia", "encyclopedic": "encyclopedia",
    "toefl_nonnative": "learner", "us_8th_grade_essay": "learner",
    "movie_review_2002": "review", "review": "review",
    "reddit_eli5": "answers", "qa": "answers", "web": "answers", "letters": "answers",
    "seqxgpt_mixed_domains": "mixed",
    "memorised_drama": "speech", "memorised_legal": "government", "memorised_speech": "speech", "speech": "speech",
    "textbook": "textbook", "nonfiction": "textbook", "science": "science",
    "tech_blog": "technology", "tech_docs": "technology", "tech_essay": "technology", "recipe": "technology",
    "gov_blog": "government", "gov_guides": "government", "legal": "government",
    "instruction_following": "assistant",
}  # fmt: skip
"""Domain or genre as the data names it, to the one it is reported by."""

PERMITTED = ("fdg_openmodels", "outfox", "biscope", "seqxgpt", "liang_bias", "human_only")
"""Collections that may be fitted and calibrated on: MIT, Apache-2.0, CC BY-SA, CC BY, public domain."""

JUDGES = ("detectrl_clean", "detectrl_attacked", "alpaca_eval")
"""Collections that only judge."""

_CORPUS = (("valid", 0), ("test", 0), ("train-05", 5000), ("train-00", 1500))
"""Files of the corpus and how many of their first documents are used; 0 is all."""

FIT, CALIBRATE, JUDGE = "fit", "calibrate", "judge"


@dataclass(frozen=True)
class Row:
    """A text and what it is for.

    Attributes:
        id: of the document.
        text: its first 8,000 characters; of corpus texts that are fitted on a shorter stretch from a place that the id decides.
        machine: whether a machine wrote it.
        domain: one of the values of `DOMAINS`.
        source_domain: as the data names it.
        generator: model, or `human`.
        cluster: what belongs together.
        collection: file it is from; `corpus` for the corpus.
        attack: what was done to it.
        part: `fit`, `calibrate` or `judge`; texts that are fitted or calibrated on judge too where they are left out.
    """

    id: str
    text: str
    machine: bool
    domain: str
    source_domain: str
    generator: str
    cluster: str
    collection: str
    attack: str
    part: str


def read_collection(data: Path) -> list[Row]:
    """Return the rows of the data folder, in the order of its files.

    Raises:
        DataError: if a file is missing.
    """
    rows: list[Row] = []
    for name in (*PERMITTED, *JUDGES):
        rows += filter(
            None, (_labelled(document, name) for document in _documents(data / "detection", f"{name}.jsonl.gz"))
        )
    held: set[str] = set()  # pages of the corpus that its own split has some of on both sides
    for name, most in _CORPUS:
        for i, document in enumerate(_documents(data / "corpus", f"{name}.jsonl.zst")):
            if most and i >= most:
                break
            row = _corpus(document, name, held)
            rows += [row] if row else []
        held |= {row.cluster for row in rows if row.collection == "corpus" and row.part == CALIBRATE}
    return rows


def half(cluster: str) -> bool:
    """Return which half of the humans a cluster is of: True is fitted on, False calibrated."""
    return hashlib.sha256(f"split|{cluster}".encode()).digest()[0] < 128


def _documents(folder: Path, name: str) -> Iterator[Document]:
    for document in read_documents(str(folder / name)):
        if isinstance(document, Document):
            yield document


def _labelled(document: Document, collection: str) -> Row | None:
    fields: dict[str, Any] = document.fields
    text = document.text[:_MOST_CHARS]
    if fields.get("flags") or fields["lang"] != "en" or len(text.split()) < FEWEST_WORDS:
        return None
    machine, cluster = fields["label"] == "ai", fields.get("pair_id") or document.id
    memorised = fields["domain"].startswith("memorised")
    part = JUDGE if collection in JUDGES else FIT if machine or (half(cluster) and not memorised) else CALIBRATE
    return Row(
        document.id, text, machine, DOMAINS[fields["domain"]], fields["domain"], fields["generator"], cluster, collection,
        fields["attack"], part,
    )  # fmt: skip


def _corpus(document: Document, name: str, held: Collection[str]) -> Row | None:
    cluster, genre = f"{document.fields['source']}|{document.id.split('#')[0]}", document.fields["genre"]
    to_fit = name.startswith("train") and half(cluster)
    text = _stretch(document.text, document.id, _MOST_CORPUS_FIT) if to_fit else document.text[:_MOST_CHARS]
    if len(text.split()) < FEWEST_WORDS:
        return None
    part = FIT if to_fit and cluster not in held else CALIBRATE
    return Row(document.id, text, False, DOMAINS[genre], genre, "human", cluster, "corpus", "none", part)


def _stretch(text: str, name: str, most: int) -> str:
    """Return a text whole if it is short, else `most` characters of it from the beginning of a line or sentence that the name decides."""
    if len(text) <= most:
        return text
    first = random.Random(name).randrange(len(text) - most + 1)
    start = next((at + len(sign) for sign in ("\n", ". ") if 0 <= (at := text.find(sign, first, first + 1500))), first)
    return text[min(start, len(text) - most) :][:most].strip()
