"""Attack files of texts: a record for every text, with the text changed, the other fields kept, and what the attack did to it.

The field "attack" says which attack it was, how strong and under which seed, with its options, and the damage; what stood there before (an attack on an attacked text, or a
field of the data) moves into its "before". Documents are taken in batches; memory holds one batch. What cannot be read is said and counted, and has no record: a text that
nobody has is not attacked.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.corpus.batches import document_batches
from assay.corpus.documents import Document
from assay.corpus.records import Unreadable
from tqdm import tqdm

from .attack import Attack, attack_texts, check_strength
from .damage import Damage, damage

if TYPE_CHECKING:
    from .sentence_encoder import SentenceEncoder

_BATCH_DOCUMENTS = 256
_BATCH_CHARS = 1_000_000


@dataclass
class AttackSummary:
    """What came out.

    Attributes:
        attacked: texts written.
        unreadable: records that could not be read.
        failed_files: files that could not be opened.
        emptied: texts of which the attack left nothing.
        unchanged: texts that came out as they went in.
    """

    attacked: int = 0
    unreadable: int = 0
    failed_files: int = 0
    emptied: int = 0
    unchanged: int = 0
    _means: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])

    def count(self, before: str, after: str, done: Damage) -> None:
        """Count one text."""
        self.attacked += 1
        self.emptied += done.emptied
        self.unchanged += before == after
        alike = math.nan if done.similarity is None else done.similarity
        found = (
            ("edits", done.token_edit_rate),
            ("bigrams", done.ngram_survival[1]),
            ("length", done.length_ratio),
            ("similarity", alike),
        )
        for name, value in found:
            total, n = self._means.get(name, (0.0, 0))
            if math.isfinite(value):
                self._means[name] = (total + value, n + 1)

    def mean(self, name: str) -> float:
        """Return the mean of `edits`, `bigrams`, `length` or `similarity` over the texts that have one; NaN without any."""
        total, n = self._means.get(name, (0.0, 0))
        return total / n if n else math.nan

    def line(self) -> str:
        """Return what to tell people."""
        said = [f"{self.attacked:,} text{'s' * (self.attacked != 1)} attacked"]
        for name, words in (
            ("edits", "mean token edit rate"),
            ("bigrams", "2-grams that survive"),
            ("length", "length ratio"),
            ("similarity", "similarity"),
        ):
            if math.isfinite(mean := self.mean(name)):
                said.append(f"{words} {mean:.3f}")
        said.append(f"emptied {self.emptied:,}, unchanged {self.unchanged:,}")
        if self.unreadable:
            said.append(f"could not be read {self.unreadable:,}")
        return "; ".join(said)


def attack_files(
    files: Sequence[str],
    attack: Attack,
    strength: float,
    *,
    write_all: Callable[[list[dict[str, Any]]], None],
    say: Callable[[str], None],
    seed: int = 0,
    encoder: "SentenceEncoder | None" = None,
    text_field: str = "text",
) -> AttackSummary:
    """Attack every text of `files` and hand the records of each batch to `write_all`, each complaint to `say`.

    A text's seed is made of `seed` and its id, so its result does not depend on its neighbours. A file that cannot be opened is said and counted, and the others go on.

    Raises:
        DataError: if the strength is outside 0 to 1.
        AssayError: if the attack needs what is not there.
    """
    check_strength(attack.name, strength)
    summary = AttackSummary()

    def refuse(line: str) -> None:
        say(line)
        summary.failed_files += 1

    options = {name: value for name, value in attack.signature().items() if name != "attack"}
    what = {"name": attack.name, "strength": strength, "seed": seed, "options": options}
    with tqdm(unit=" texts", disable=None, file=sys.stderr) as progress:
        for batch in document_batches(files, text_field, refuse, _BATCH_DOCUMENTS, _BATCH_CHARS):
            for item in batch:
                if isinstance(item, Unreadable):
                    say(f"{item.place}: {item.message}")
                    summary.unreadable += 1
            documents = [item for item in batch if isinstance(item, Document)]
            before = [document.text for document in documents]
            after = attack_texts(attack, before, strength, [document.id for document in documents], seed)
            found = damage(before, after, encoder)
            for old, new, done in zip(before, after, found, strict=True):
                summary.count(old, new, done)
            rows = zip(documents, after, found, strict=True)
            write_all([_record(document, text, text_field, what, done) for document, text, done in rows])
            progress.update(len(batch))
    return summary


def _record(document: Document, text: str, text_field: str, what: dict[str, Any], done: Damage) -> dict[str, Any]:
    fields = dict(document.fields)
    before = {"before": fields.pop("attack")} if "attack" in fields else {}
    attack = {**what, **done.to_record(), **before}
    return {"id": document.given_id, text_field: text, **fields, "attack": attack}
