"""RAID (Dugan et al., ACL 2024, arXiv:2405.07940): CSV, or `datasets` liamdugan/raid.

Columns, from the data set's card: `id` (of the generation), `adv_source_id` (of what an attacked one was made from), `source_id` (of the human text that the prompt
comes from: what belongs together), `model` ("human" or one of eleven), `decoding` (greedy, sampling), `repetition_penalty` (yes, no), `attack` ("none" or one of
eleven), `domain`, `title`, `prompt`, `generation` (the text). Humans are attacked too. The test part has no labels: only `id` and `generation`; predictions for it are
`raid_submission.py`'s business.

Texts of all attacks come out; `where = {attack = "none"}` keeps the others away. Languages are those of the domains czech and german, else English; `code` has none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, without, word_of

_LANGUAGES = {"czech": "cs", "german": "de", "code": ""}


@register_format("raid")
class Raid:
    """See the module."""

    name: ClassVar[str] = "raid"
    summary: ClassVar[str] = "RAID: CSV with id, source_id, model, decoding, attack, domain, generation"
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether it has RAID's text column beside its ids."""
        return {"id", "generation"} <= set(values)

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the one text."""
        values = record.values
        model, domain = word_of(values.get("model")), word_of(values.get("domain"))
        if not model:
            raise ValueError(
                "no model is named, as in RAID's test part, which has no labels; use train or extra, or write a submission"
            )
        yield Entry(
            id=record.id,
            text=values.get("generation"),
            label=HUMAN if model == HUMAN else MACHINE,
            generator=model,
            domain=domain,
            lang=_LANGUAGES.get(domain, "en"),
            cluster=word_of(values.get("source_id")),
            fields=without(values, "generation"),
        )
