"""The documents of several files in batches of bounded size, in order, so that memory holds one batch."""

from collections.abc import Callable, Iterator, Sequence

from assay.errors import DataError

from .documents import Document, read_documents
from .records import Unreadable


def document_batches(
    files: Sequence[str], text_field: str, refuse: Callable[[str], None], max_documents: int, max_chars: int
) -> Iterator[list[Document | Unreadable]]:
    """Yield batches that are full at `max_documents` or once they hold `max_chars` characters.

    A file that cannot be opened goes to `refuse` as one line, and the other files go on.
    """
    batch: list[Document | Unreadable] = []
    chars = 0
    for path in files:
        try:
            documents = read_documents(path, text_field=text_field)
        except DataError as error:
            refuse(str(error))
            continue
        for item in documents:
            batch.append(item)
            chars += len(item.text) if isinstance(item, Document) else 0
            if len(batch) >= max_documents or chars >= max_chars:
                yield batch
                batch, chars = [], 0
    if batch:
        yield batch
