"""A generation run owns its output from before the model is loaded: no mixing, no leftovers."""

import io
import json
import sys
from pathlib import Path

import pytest
from assay.corpus.generate_files import GenerationRun, PromptSource
from assay.errors import DataError
from assay.watermark.decoding import Decoding

MODEL = ("embedded", "", "auto")


def begin(out: Path, *texts: str, seed: int = 0, path: str | None = None) -> GenerationRun:
    return GenerationRun(str(out), PromptSource(path, texts), None, Decoding(seed=seed), MODEL)


def test_a_second_run_on_the_same_output_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    first = begin(out, "one", seed=1)
    recorded = (tmp_path / "out.jsonl.run.json").read_bytes()
    with pytest.raises(DataError, match="another run is writing"):
        begin(out, "one", "two", seed=2)
    assert (tmp_path / "out.jsonl.run.json").read_bytes() == recorded
    first._writer.close()


def test_a_run_that_wrote_nothing_may_begin_anew_with_other_settings(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    begin(out, "one", seed=1)._writer.close()
    begin(out, "one", seed=2)._writer.close()
    assert json.loads((tmp_path / "out.jsonl.run.json").read_text())["settings"]["decoding"]["seed"] == 2


@pytest.mark.parametrize("change", [{"seed": 2}, {"texts": ("another",)}])
def test_what_is_begun_is_finished_with_the_same_settings(tmp_path: Path, change: dict) -> None:
    out = tmp_path / "out.jsonl"
    run = begin(out, "one", seed=1)
    run._writer.write({"id": "0", "text": "there"})
    run._writer.close()
    with pytest.raises(DataError, match=r"begun with another (decoding|prompts)"):
        begin(out, *change.get("texts", ("one",)), seed=change.get("seed", 1))
    begin(out, "one", seed=1)._writer.close()
    assert json.loads(out.read_text())["text"] == "there"


def test_other_prompts_on_stdin_are_other_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.jsonl"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"prompt": "The cat"}\n')))
    run = begin(out, path="-")
    run._writer.write({"id": "-:1", "text": "there"})
    run._writer.close()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"prompt": "A different one"}\n')))
    with pytest.raises(DataError, match="begun with another prompts"):
        begin(out, path="-")


@pytest.mark.parametrize("name", ["out.jsonl.gz", "out.parquet", "out"])
def test_an_output_that_cannot_be_resumed_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"must end in \.jsonl"):
        begin(tmp_path / name, "one")
    assert list(tmp_path.iterdir()) == []
