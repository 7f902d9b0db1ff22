"""From what a format found in a record to a text of an evaluation: fields under other names, what is asked for, what is wrong, and its cluster."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from assay.corpus.records import Record, kind_of

from .subject import Subject
from .text_formats import Entry, word_of

if TYPE_CHECKING:
    from .text_sets import TextSetSpec

_DERIVED = ("generator", "domain", "lang")


def renamed(entry: Entry, record: Record, fields: Mapping[str, str]) -> Entry:
    """Return an entry with what the user's own names of fields say; a field that a record lacks leaves what the format found.

    Raises:
        ValueError: if the field of the text or the id is missing, or the id is neither text nor whole number.
    """
    values, given = record.values, dict[str, Any]()
    for name in ("text", "id"):
        if name in fields:
            if fields[name] not in values:
                raise ValueError(f"field {fields[name]!r} is missing; repair the record")
            given[name] = values[fields[name]]
    if "id" in given:
        own = given["id"]
        if not isinstance(own, str | int) or isinstance(own, bool) or own == "":
            raise ValueError(f"field {fields['id']!r} must be an id, got {kind_of(own)}; repair the record")
        given["id"] = str(own)
    if "label" in fields:
        given["label"] = values.get(fields["label"])
    for name in (*_DERIVED, "cluster"):
        if name in fields and fields[name] in values:
            given[name] = word_of(values[fields[name]])
    kept = entry.fields
    if "text" in fields:
        kept = {name: value for name, value in values.items() if name != fields["text"]}
    return replace(entry, **given, fields=kept)


def asked_for(spec: "TextSetSpec", values: Mapping[str, Any], entry: Entry, label: str) -> bool:
    """Say whether `where` and `where_not` let a text through."""
    derived = {"label": label, **{name: getattr(entry, name) for name in _DERIVED}}
    sides = (values, entry.fields, derived)
    wanted = all(any(_meets(side.get(name), value) for side in sides) for name, value in spec.where.items())
    return wanted and not any(_meets(side.get(name), value) for name, value in spec.where_not.items() for side in sides)


def problem(entry: Entry, label: str) -> str:
    """Return what makes a text unusable, in one line; empty if nothing does."""
    if not isinstance(entry.text, str):
        return f"the text must be a string, got {kind_of(entry.text)}; repair the record or name its field (fields = {{text = ...}})"
    if not label:
        return f'the label must be human or ai (or 0 or 1), got {entry.label!r}; name its field (fields = {{label = ...}}) or say label = "human"'
    if not entry.text.isascii():
        try:
            entry.text.encode("utf-8")
        except UnicodeEncodeError:
            return "the text holds a lone surrogate, expected text that UTF-8 can hold; repair the record"
    return ""


def subject(spec: "TextSetSpec", entry: Entry, label: str, record: Record, file: str) -> Subject:
    """Return a usable text of a set; one that belongs to nothing is a cluster of its own, named by file and id."""
    group = (
        word_of(record.values.get(spec.fields["group"], entry.fields.get(spec.fields["group"])))
        if "group" in spec.fields
        else ""
    )
    return Subject(
        id=entry.id,
        text=cast("str", entry.text),
        label=cast("Any", label),
        source=spec.name,
        role=spec.role,
        generator=entry.generator,
        domain=entry.domain,
        lang=entry.lang,
        group=group,
        cluster=entry.cluster or f"{file}/{entry.id}",
        fields=dict(entry.fields),
    )


def attack_of(fields: Mapping[str, Any]) -> str:
    """Return the attack that the field `attack` of a text names, as benchmarks and `assay attack` write it; empty for none."""
    value = fields.get("attack")
    name = word_of(cast("Mapping[str, Any]", value).get("name") if isinstance(value, Mapping) else value)
    return "" if name.lower() in ("none", "no", "false") else name


def attacked_note(counts: Mapping[str, int]) -> str:
    """Return what to tell of texts by attack (empty for none), which a run takes as they are; empty if no text was attacked before."""
    by = sorted(((name, n) for name, n in counts.items() if name), key=lambda one: (-one[1], one[0]))
    if not by:
        return ""
    total, shown = sum(n for _, n in by), ", ".join(f"{name} {n:,}" for name, n in by[:5])
    what = "1 text is" if total == 1 else f"{total:,} texts are"
    return (
        f"{what} attacked already ({shown}{', ...' if len(by) > 5 else ''}) and stand{'s' * (total == 1)} as unattacked; "
        'choose with where = {attack = "none"}'
    )


def _meets(value: Any, wanted: Any) -> bool:
    """Say whether a field (None where it is missing) has a value that is wanted, or one of several."""
    choices = wanted if isinstance(wanted, list | tuple) else (wanted,)
    held = value if isinstance(value, list | tuple) else (value,)
    return any(_same(one, choice) for one in cast("Any", held) for choice in cast("Any", choices))


def _same(value: Any, choice: Any) -> bool:
    """Compare as the types are; with text (all that CSV has) as text, true and false in lower case."""
    if value is None:
        return False
    if type(value) is type(choice):
        return bool(value == choice)
    return _written(value) == _written(choice)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
