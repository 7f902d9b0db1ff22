"""HC3, the Human ChatGPT Comparison Corpus (Guo et al. 2023, arXiv:2301.07597): JSON Lines, or `datasets` Hello-SimpleAI/HC3.

A record is a question with lists of answers: `question`, `human_answers`, `chatgpt_answers`, and in the file `all.jsonl` `source` (reddit_eli5, finance, medicine, open_qa,
wiki_csai), which is the domain; elsewhere the domain is the file's name. Answers to one question belong together. No language is said: the corpus has an English
and a Chinese half.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, texts_of, without, word_of

_ANSWERS = {"human_answers": HUMAN, "chatgpt_answers": MACHINE}


@register_format("hc3")
class Hc3:
    """See the module."""

    name: ClassVar[str] = "hc3"
    summary: ClassVar[str] = "HC3: question, human_answers, chatgpt_answers"
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether both lists of answers are there."""
        return set(_ANSWERS) <= set(values)

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield every answer."""
        values = record.values
        question = values.get("question")
        together = _digest(question) if isinstance(question, str) and question.strip() else record.id
        domain = word_of(values.get("source")) or file.partition(".")[0]
        fields = without(values, *_ANSWERS)
        for name, label in _ANSWERS.items():
            answers: Any = values.get(name)
            for number, answer in enumerate(texts_of(answers), 1):
                generator = HUMAN if label == HUMAN else "chatgpt"
                yield Entry(f"{record.id}/{label}-{number}", answer, label, generator, domain, "", together, fields)


def _digest(question: str) -> str:
    """Return a name for a question: the same one in every file."""
    return "hc3-" + hashlib.blake2b(question.strip().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
