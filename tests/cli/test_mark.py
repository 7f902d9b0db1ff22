"""`assay mark new --normalise`: what the profile then says, and that other profiles do not say it."""

import json
from pathlib import Path

import pytest
from assay.cli.mark import mark
from assay.detect.normalise import VERSION
from assay.watermark.profile import load_mark
from click.testing import CliRunner


@pytest.mark.parametrize(("flags", "normaliser"), [([], ""), (["--normalise"], VERSION)])
def test_a_profile_says_which_normaliser_its_texts_go_through(
    tmp_path: Path, flags: list[str], normaliser: str
) -> None:
    path = tmp_path / "mark.toml"
    result = CliRunner().invoke(mark, ["new", str(path), "--gamma", "0.5", "--min-tokens", "30", *flags])
    assert result.exception is None
    loaded = load_mark(path)
    assert loaded.profile.normaliser == normaliser
    assert (f'\nnormaliser = "{VERSION}"\n' in path.read_text()) is bool(normaliser)
    assert (loaded.profile.parameters["gamma"], loaded.profile.min_tokens) == (0.5, 30)
    assert json.loads(result.stdout)["fingerprint"] == loaded.profile.fingerprint
    shown = CliRunner().invoke(mark, ["show", str(path)])
    assert json.loads(shown.stdout)["normaliser"] == normaliser
