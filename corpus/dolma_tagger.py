"""Assay as a dolma tagger: verdicts as attributes beside the documents, for dolma's mixer to act on.

dolma (Soldaini et al. 2024, arXiv:2402.00159) makes a tagger from its registered name, without arguments, in each worker. So what to look for is a class
of the user's, in a file that `dolma tag` is given:

```python
# news_tagger.py;  dolma tag --documents 'documents/*.gz' --tagger_modules news_tagger.py --taggers news --experiment assay
from assay.corpus.dolma_tagger import AssayTagger
from assay.corpus.score_options import ScoreOptions
from dolma import add_tagger


@add_tagger("news")
class News(AssayTagger):
    options = ScoreOptions(marks=("/profiles/news.toml",))
```

Each attribute says one thing of the whole document, [[0, length, value]]: `NAME__log10_p` for each detector, `log10_p` (corrected for how many looked)
and `detected`, 1 or 0, under dolma's own prefix EXPERIMENT__TAGGER__; what abstained says nothing, []. dolma keeps five decimals of a value. These are
the attributes of `assay scan --sidecar` (`sidecar.py`) but for the prefix.

dolma asks for one document at a time, which costs most of the speed of batches: `assay scan --sidecar` writes the same files many times faster. An error
of one document abstains as in a scan; errors of files are dolma's. It does not read metadata: dolma gives a tagger the text alone.
"""

from typing import Any, ClassVar

from .process_scorer import ProcessScorer
from .score_options import ScoreOptions
from .sidecar import attribute_name

try:
    from dolma.core.data_types import DocResult, Span  # pyright: ignore[reportMissingImports]
    from dolma.core.taggers import BaseTagger  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(f"assay.corpus.dolma_tagger needs dolma; pip install dolma ({error})") from error


class AssayTagger(BaseTagger):  # pyright: ignore[reportUntypedBaseClass]
    """Base of the taggers; a subclass sets `options` and is registered with dolma's `add_tagger`.

    Raises:
        AssayError: in one line, if a profile or calibration cannot be read.
    """

    options: ClassVar[ScoreOptions] = ScoreOptions()

    def __init__(self) -> None:
        self._scorer = ProcessScorer.of(self.options)

    @property
    def defaults(self) -> list[str]:
        """All attributes, so that a document about which nothing is said has them empty."""
        names = [_attribute(f"{info.name}.log10_p") for info in self._scorer.scorer.detectors]
        return [*names, "log10_p", "detected"]

    def predict(self, doc: Any) -> Any:
        """Return dolma's `DocResult` of a document."""
        row = self._scorer.rows([doc.text])[0]
        values = {_attribute(name): row[name] for name in row if name == "log10_p" or name.endswith(".log10_p")}
        if row["verdict"] != "abstain":
            values["detected"] = float(row["verdict"] == "detected")
        spans = [Span(0, len(doc.text), name, value) for name, value in values.items() if value is not None]
        return DocResult(doc=doc, spans=spans)


def _attribute(column: str) -> str:
    return attribute_name(column).removeprefix("assay__")
