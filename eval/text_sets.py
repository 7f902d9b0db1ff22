"""Texts that somebody else wrote, as an evaluation takes them in: a file of any known format, filtered, sampled, each with a label and a cluster.

    [[texts]]
    name = "humans"
    path = "detection/human_only.jsonl.gz"     # or hub = "liamdugan/raid", with split, config, revision
    label = "human"                            # all of them; else as each record says
    where = {attack = "none", lang = ["en", "de"]}
    where_not = {flags = ["chat_lead", "glued"]}
    limit = 500                                # a sample, the same every time

`where` and `where_not` look at any field of a record, at the name it has in the file, and at what the format makes of it (label, generator, domain, lang); of a field with a
list, one value that is asked for is enough. A record whose label or text cannot be used is reported with its place, counted, and left out; the others go on. An id that occurs
twice stops the run: scores are joined by it.

A sample holds the clusters whose names have the smallest hashes, whole, as many as `limit` texts allow: it depends on the seed and the texts, never on their order, and a
larger limit only adds.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from assay.corpus.records import Record, Unreadable
from assay.errors import DataError

from .plan_tables import nearest
from .subject import Subject
from .text_entries import asked_for, attack_of, attacked_note, problem, renamed, subject
from .text_formats import HUMAN, MACHINE, TextFormat, find_format, format_names, tell_format, text_label
from .text_rows import Rows, check_datasets, dataset_rows, first_record, open_rows, peeked
from .text_sample import cluster_sample

MAPPED = ("text", "id", "label", "generator", "domain", "lang", "group", "cluster")
"""What `fields` can say the name of."""

_OF_RECORDS = ("text", "id", "label")
"""Those that a format with texts of its own does not leave to the plan."""

_SAID = 3
_COMMIT = re.compile(r"[0-9a-f]{40}")

Say = Callable[[str], None]
Role = Literal["test", "calibration"]


@dataclass(frozen=True)
class TextSetSpec:
    """A set of given texts.

    Attributes:
        name: source of its texts in tables.
        path: file or `datasets` folder; or
        hub: `datasets` id, with `split`, `config`, `revision`.
        format: `auto` or one of `format_names()`.
        label: `human` or `machine` for all of them; empty for what each record says.
        fields: names of fields that the format does not expect: of `MAPPED`.
        where: values that a field must have (one of a list).
        where_not: values that it must not have.
        limit: at most so many texts, a sample of whole clusters.
        role: `test`, or `calibration`: sets thresholds and is never tested.
        seed: of the sample.
    """

    name: str
    path: str = ""
    hub: str = ""
    split: str = ""
    config: str = ""
    revision: str = ""
    format: str = "auto"
    label: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    where_not: Mapping[str, Any] = field(default_factory=dict[str, Any])
    limit: int | None = None
    role: Role = "test"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise DataError("a text set needs a name; give it one")
        if bool(self.path) == bool(self.hub):
            both = "both path and hub" if self.path else "neither path nor hub"
            raise DataError(f"text set {self.name!r} has {both}; give one of them")
        if self.format != "auto" and self.format not in format_names():
            raise DataError(
                f"text set {self.name!r}: unknown format {self.format!r}; {nearest(self.format, ['auto', *format_names()])}"
            )
        if self.label not in ("", HUMAN, MACHINE):
            raise DataError(f"text set {self.name!r}: label must be human or machine, got {self.label!r}")
        if self.role not in ("test", "calibration"):
            raise DataError(f"text set {self.name!r}: role must be test or calibration, got {self.role!r}")
        if self.limit is not None and self.limit < 1:
            raise DataError(f"text set {self.name!r}: limit must be at least 1, got {self.limit}")
        for given, named in self.fields.items():
            if given not in MAPPED:
                raise DataError(f"text set {self.name!r}: fields has no {given!r}; {nearest(given, MAPPED)}")
            if not isinstance(named, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DataError(f"text set {self.name!r}: fields.{given} must be the name of a field, got {named!r}")

    def check(self) -> None:
        """Look at the beginning of the file: it is there, its format can be told, its fields exist; of a hub id only that `datasets` is installed.

        Raises:
            DataError: in one line that names the text set.
        """
        if self.hub:
            check_datasets(self.hub)
            return
        path = Path(self.path)
        if path.is_dir():
            check_datasets(self.path)
            return
        first = first_record(lambda: open_rows(self.path, self.fields.get("text", "")))
        if first is None:
            raise DataError(f"text set {self.name!r}: {self.path} holds no record that can be read; check the file")
        self.check_fields(first, self.format_of(first))

    def format_of(self, record: Record) -> TextFormat:
        """Return the format of a record of this set.

        Raises:
            DataError: if it cannot be told.
        """
        if self.format != "auto":
            return find_format(self.format)
        if self.fields.get("text", "") in record.values:
            return find_format("plain")
        return tell_format(record, self.path or self.hub)

    def check_fields(self, first: Record, form: TextFormat) -> None:
        """Refuse names of fields that the first record, or the format, contradicts.

        Raises:
            DataError: in one line that names the text set.
        """
        own = next((name for name in _OF_RECORDS if name in self.fields), "") if form.own_texts else ""
        if own:
            raise DataError(
                f'text set {self.name!r}: format {form.name!r} knows its own {own}; leave fields.{own} out, or say format = "plain"'
            )
        # Names of optional fields may be missing in one record; the text must be in the first.
        name = self.fields.get("text", "text")
        if not form.own_texts and name not in first.values:
            raise DataError(
                f"text set {self.name!r}: {self.path or self.hub} has no field {name!r}; {nearest(name, first.values)}"
            )
        label = self.fields.get("label", "label")
        if not form.own_texts and not self.label and label not in first.values:
            raise DataError(
                f"text set {self.name!r}: no field {label!r} says who wrote a text; name it (fields = {{label = ...}}) or say it "
                f'(label = "human"); {nearest(label, first.values)}'
            )


@dataclass
class _Counts:
    """What became of the texts of a set."""

    read: int = 0
    bad: int = 0
    first: str = ""


def load_subjects(spec: TextSetSpec, say: Say) -> Iterator[Subject]:
    """Yield the texts of a set in the order of its file; records that cannot be used go to `say`.

    With a limit the whole set is read first, and at most the sample is held.

    Raises:
        DataError: if it cannot be opened, an id occurs twice (with both places), or no text is left.
    """
    rows = dataset_rows(spec.hub or spec.path, spec.config, spec.split, spec.revision) if _is_dataset(spec) else None
    rows = open_rows(spec.path, spec.fields.get("text", "")) if rows is None else rows
    counts = _Counts()
    subjects = _usable(spec, rows, counts, say)
    if spec.limit is not None:
        subjects = cluster_sample(subjects, spec.limit, spec.seed, spec.name)
    places, attacked = dict[str, str](), Counter[str]()
    for place, one in subjects:
        if one.id in places:
            raise DataError(
                f"text set {spec.name!r}: the id {one.id!r} occurs twice, at {places[one.id]} and {place}; ids must be unique: "
                'repair the file, or name another field (fields = {id = "..."})'
            )
        places[one.id] = place
        attacked[attack_of(one.fields)] += 1
        yield one
    if counts.bad > _SAID:
        say(f"and {counts.bad - _SAID:,} more records of text set {spec.name!r} that could not be used")
    if not places:
        raise DataError(f"text set {spec.name!r}: {_nothing_left(counts)}")
    if "attack" not in spec.where and (note := attacked_note(attacked)):
        say(f"text set {spec.name!r}: {note}")


def fingerprint(spec: TextSetSpec) -> dict[str, Any]:
    """Return a JSON-ready record that changes with whatever changes the texts of a set; no machine path.

    Raises:
        DataError: if a file cannot be read, or the hub does not say which commit it has.
    """
    asked = {name: value for name, value in asdict(spec).items() if name not in ("path", "name")}
    if spec.hub:
        return {**asked, "commit": _commit(spec)}
    path = Path(spec.path)
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    named = [
        {"file": str(one.relative_to(path)) if path.is_dir() else one.name, "sha256": sha256_of(one)} for one in files
    ]
    return {**asked, "files": named}


def _is_dataset(spec: TextSetSpec) -> bool:
    return bool(spec.hub) or Path(spec.path).is_dir()


def _nothing_left(counts: _Counts) -> str:
    if counts.bad and counts.bad == counts.read:
        return f"none of {counts.read:,} texts could be used; the first: {counts.first}"
    if counts.read:
        return f"where and where_not leave none of {counts.read:,} texts; check the names and values they ask for"
    return "no texts; check the file"


def _usable(spec: TextSetSpec, rows: Rows, counts: _Counts, say: Say) -> Iterator[tuple[str, Subject]]:
    """Yield (place, text) of each text that is asked for and can be used."""
    first, rows = peeked(rows)
    if first is None:
        form = find_format("plain")
    else:
        form = spec.format_of(first)
        spec.check_fields(first, form)
    file = Path(spec.path or spec.hub).name
    for row in rows:
        if isinstance(row, Unreadable):
            _report(counts, row.place, row.message, say)
            continue
        try:
            for found in form.entries(row, file):
                entry = renamed(found, row, spec.fields)
                label = spec.label or text_label(entry.label)
                if not asked_for(spec, row.values, entry, label):
                    counts.read += 1
                    continue
                wrong = problem(entry, label)
                if wrong:
                    _report(counts, row.place, wrong, say)
                    continue
                counts.read += 1
                yield row.place, subject(spec, entry, label, row, file)
        except ValueError as error:
            _report(counts, row.place, str(error), say)


def _report(counts: _Counts, place: str, problem: str, say: Say) -> None:
    counts.read += 1
    counts.bad += 1
    counts.first = counts.first or f"{place}: {problem}"
    if counts.bad <= _SAID:
        say(f"{place}: {problem}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        DataError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; name a file that is there") from None
    return digest.hexdigest()


def _commit(spec: TextSetSpec) -> str:
    """Return the commit of a hub data set: its revision where that is one, else what the hub says."""
    if _COMMIT.fullmatch(spec.revision):
        return spec.revision
    from huggingface_hub import HfApi

    try:
        info: Any = HfApi().dataset_info(spec.hub, revision=spec.revision or None)
    except Exception as error:  # network, gate, name: each becomes the one line that the user reads
        raise DataError(
            f"text set {spec.name!r}: cannot ask the hub which commit {spec.hub!r} has ({type(error).__name__}); "
            "give the commit as its revision"
        ) from error
    return str(info.sha)
