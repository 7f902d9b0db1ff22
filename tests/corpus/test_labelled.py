"""Labelled texts: what cannot be used is said in a few lines, however much of it there is."""

import json
from pathlib import Path

import pytest
from assay.corpus.labelled import Fields, read_labelled
from assay.errors import DataError


def write(path: Path, records: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def test_many_bad_records_are_a_few_lines(tmp_path: Path) -> None:
    good = [{"text": "a", "label": label} for label in ("human", "ai")]
    path = write(tmp_path / "some.jsonl", [*good, *({"text": "b", "label": "perhaps"} for _ in range(40))])
    said: list[str] = []
    found = read_labelled([path], Fields(), said.append)
    assert found.machine == [False, True]
    assert found.skipped == 40
    assert len(said) == 4
    assert said[-1] == "and 37 more records that could not be used"


def test_nothing_usable_is_one_line_with_the_first_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", [{"text": "b", "label": "ai"} for _ in range(9)])
    with pytest.raises(
        DataError,
        match=r"none of 9 records could be used; the first: .*field",
    ):
        read_labelled([path], Fields(group="genre"), lambda line: None)
    with pytest.raises(DataError, match="no documents; expected human and machine texts"):
        read_labelled([write(tmp_path / "none.jsonl", [])], Fields(), lambda line: None)
    with pytest.raises(DataError, match="got 9 machine ones only"):
        read_labelled([path], Fields(), lambda line: None)
