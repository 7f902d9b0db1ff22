"""M4 (Wang et al., EACL 2024, arXiv:2305.14902) and SemEval-2024 task 8, subtasks A and B: JSON Lines.

M4's files (`<domain>_<model>.jsonl`) hold pairs, from its `data/README.md`: `prompt, human_text, machine_text, model, source, source_ID`. The pair belongs together, and so
do the same `source_ID`s in other files of one source. A human text occurs once in each model's file: take the human side of one file only.

SemEval's files hold single texts, from the task's README: `text, label, model, source, id`. Subtask A labels human 0 and machine 1; subtask B numbers the models from 1 on. `source`
is an English domain or, for others, the language. Which texts belong together is not published. Subtask C (a text with a boundary) is another task.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, texts_of, without, word_of

_PAIR = {"human_text": HUMAN, "machine_text": MACHINE}
_LANGUAGES = {
    "arabic": "ar", "bulgarian": "bg", "chinese": "zh", "german": "de", "indonesian": "id", "italian": "it",
    "russian": "ru", "urdu": "ur", "wikipedia": "en", "wikihow": "en", "reddit": "en", "arxiv": "en", "peerread": "en", "outfox": "en",
}  # fmt: skip


@register_format("m4")
class M4:
    """See the module."""

    name: ClassVar[str] = "m4"
    summary: ClassVar[str] = (
        "M4 pairs (human_text, machine_text) or SemEval-2024 task 8 texts (text, label, model, source)"
    )
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether it is a pair, or a text with model and source."""
        single = {"text", "label", "model", "source"} <= set(values) and str(values["label"]).isdecimal()
        return set(_PAIR) <= set(values) or single

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the pair, or the one text."""
        values = record.values
        if set(_PAIR) & set(values):
            yield from _pair(record, file)
            return
        model, source = word_of(values.get("model")), word_of(values.get("source"))
        yield Entry(
            id=record.id,
            text=values.get("text"),
            label=_label(values.get("label"), model),
            generator=model,
            domain=source,
            lang=_LANGUAGES.get(source.lower(), ""),
            fields=without(values, "text"),
        )


def _pair(record: Record, file: str) -> Iterator[Entry]:
    values = record.values
    model, source, number = (word_of(values.get(name)) for name in ("model", "source", "source_ID"))
    together = f"{source}/{number}" if source and number else record.id
    fields = without(values, *_PAIR)
    for name, label in _PAIR.items():
        texts = texts_of(values.get(name))
        for n, text in enumerate(texts, 1):
            more = f"-{n}" if len(texts) > 1 else ""
            generator = HUMAN if label == HUMAN else model
            lang = _LANGUAGES.get(source.lower(), "")
            yield Entry(f"{record.id}/{label}{more}", text, label, generator, source, lang, together, fields)


def _label(value: Any, model: str) -> str:
    """Return human or machine; ValueError where number and model disagree, which would be subtask C or a damaged file."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ValueError(f"label must be 0 (human) or a model's number, got {value!r}") from None
    label = HUMAN if number == 0 else MACHINE
    if model and (model == HUMAN) != (label == HUMAN):
        raise ValueError(f"the label {number} says {label}, the model is {model!r}; repair the record")
    return label
