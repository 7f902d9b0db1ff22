"""A profile is public, refuses what it does not know, belongs to one key and one tokenizer, and is never half written."""

import hashlib
import json
import re
import stat
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from assay.errors import BadKey, BadProfile, TokenizerMismatch
from assay.watermark.greenlist import GreenList
from assay.watermark.key import KEY_FILE_VARIABLE, Key, write_key
from assay.watermark.profile import (
    LoadedMark,
    Profile,
    build_mark,
    check_tokenizer,
    load_mark,
    new_mark,
    read_profile,
    to_toml,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def made(profile_of, key, tmp_path) -> LoadedMark:
    return new_mark(tmp_path / "mark.toml", profile_of(GreenList(key)))


def refusal(path: Path, change) -> str:
    """Rewrite the profile, and return the one line with which it is refused."""
    path.write_text(change(path.read_text()))
    with pytest.raises(BadProfile) as caught:
        load_mark(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"profile {path}: ")
    return str(caught.value).removeprefix(f"profile {path}: ")


def test_a_new_mark_is_a_public_profile_beside_a_secret_key(made, tmp_path):
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mark.key", "mark.toml"]
    text = (tmp_path / "mark.toml").read_text()
    assert made.mark.key.secret.hex() not in text
    assert made.mark.key.fingerprint in text
    assert stat.S_IMODE((tmp_path / "mark.key").stat().st_mode) == 0o600
    assert list(tomllib.loads(text)) == ["mark", "key", "tokenizer", "detection"]
    assert load_mark(tmp_path / "mark.toml") == made
    assert load_mark(str(tmp_path / "mark.toml")).name == "mark"


def test_every_field_of_a_profile_is_in_the_file(made):
    """Change each field in turn: the text changes too, and reading gives the change back."""
    changes = {
        "scheme": "other", "parameters": {**made.profile.parameters, "gamma": 0.5}, "key_file": "k",
        "key_fingerprint": "0" * 16, "model": "m", "tokenizer_fingerprint": "1" * 16, "vocab_size": 7, "min_tokens": 3,
        "skip_common": "none", "skip_common_fingerprint": "2" * 16, "normaliser": "1",
    }  # fmt: skip
    assert set(changes) == {f.name for f in fields(Profile)} - {"version", "prompt_in_context"}
    for name, value in changes.items():
        changed = replace(made.profile, **{name: value})
        assert read_text(to_toml(changed)) == changed


def read_text(text: str) -> Profile:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mark.toml"
        path.write_text(text, encoding="utf-8")
        return read_profile(path)


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(2.0**-50, 1, exclude_max=True), st.floats(1e-9, 99))
def test_any_name_and_number_survives_the_file(name, gamma, delta):
    profile = Profile("greenlist", {"gamma": gamma, "delta": delta}, name, "f" * 16, name, name, 9, skip_common=name)
    assert read_text(to_toml(profile)) == profile


def test_a_fingerprint_names_what_is_marked_and_not_where_it_lies(made):
    profile = made.profile
    same = [
        replace(profile, key_file="k", model="m", vocab_size=1, min_tokens=5, skip_common="none"),
        replace(profile, parameters={**profile.parameters, "delta": 2}),
    ]
    other = [
        replace(profile, scheme="other"),
        replace(profile, version="assay-2"),
        replace(profile, key_fingerprint="0" * 16),
        replace(profile, tokenizer_fingerprint="0" * 16),
        *(
            replace(profile, parameters={**profile.parameters, name: value})
            for name, value in {"gamma": 0.5, "delta": 3.0, "context_width": 2, "context": "minhash"}.items()
        ),
        replace(profile, parameters={**profile.parameters, "self_salt": True}),
        replace(profile, normaliser="1"),
    ]
    assert re.fullmatch("[0-9a-f]{16}", profile.fingerprint)
    assert {p.fingerprint for p in same} == {profile.fingerprint}
    assert len({profile.fingerprint, *(p.fingerprint for p in other)}) == len(other) + 1


def test_a_profile_without_a_normaliser_has_the_bytes_and_the_fingerprint_of_before_there_was_one(made):
    """The fingerprint by hand: the first 16 digits of the hash of what is marked, with which key, on which ids."""
    profile = made.profile
    numbers = {name: float(v) if type(v) is int else v for name, v in profile.parameters.items()}
    essence = ["assay-1", "greenlist", numbers, profile.key_fingerprint, profile.tokenizer_fingerprint]
    essence.append(profile.skip_common_fingerprint)
    canonical = json.dumps(essence, sort_keys=True, separators=(",", ":")).encode()
    assert profile.fingerprint == hashlib.sha256(canonical).hexdigest()[:16]
    assert "normaliser" not in to_toml(profile)
    assert to_toml(replace(profile, normaliser="1")) == to_toml(profile) + 'normaliser = "1"\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gamma =", "gama =", "scheme 'greenlist': got an unexpected keyword argument 'gama'"),
        ("min_tokens", "min_token", "detection.min_token is unknown; expected min_tokens, skip_common, skip_common_fingerprint"),
        ("[detection]", "[detecton]", "detecton is unknown; expected the tables mark, key, tokenizer, detection"),
        ("[mark]", "alpha = 1\n[mark]", "alpha is unknown; expected the tables mark, key, tokenizer, detection"),
        ("[key]", "[mark.key]", "table [key] is missing"),
        ("vocab_size = 8192\n", "", "tokenizer.vocab_size is missing"),
        ("vocab_size = 8192", 'vocab_size = "8192"', "tokenizer.vocab_size must be of type int, got '8192'"),
        ("min_tokens = 20", "min_tokens = true", "detection.min_tokens must be of type int, got True"),
        ("min_tokens = 20", "min_tokens = 0", "detection.min_tokens must be at least 1, got 0"),
        ("min_tokens = 20", "min_tokens = 20\nnormaliser = 1", "detection.normaliser must be of type str, got 1"),
        ("prompt_in_context = true", "prompt_in_context = 1", "detection.prompt_in_context must be of type bool, got 1"),
        ('version = "assay-1"', 'version = "assay-2"', "mark.version must be 'assay-1', got 'assay-2'; a newer Assay"),
        ('version = "assay-1"\n', "", "mark.version must be 'assay-1', got None"),
        ('scheme = "greenlist"', "scheme = 1", "mark.scheme must be a name, got 1"),
        ('scheme = "greenlist"', 'scheme = "gumbel"', "unknown scheme 'gumbel'; known: greenlist"),
        ("gamma = 0.25", "gamma = 2.5", "gamma must be between 0 and 1, got 2.5"),
        ("gamma = 0.25", "gamma = [0.25]", "gamma must be between 0 and 1, got [0.25]"),
        ("gamma = 0.25", 'key = "0000"', "scheme 'greenlist': got multiple values for keyword argument 'key'"),
    ],
)  # fmt: skip
def test_what_is_unknown_missing_or_wrong_is_refused_in_one_line(made, old, new, message):
    assert old in made.path.read_text()
    assert refusal(made.path, lambda text: text.replace(old, new)).startswith(message)


@pytest.mark.parametrize("content", [b"[mark", b"\xff\xfe", b"gamma = = 2", b"[mark]\n[mark]\n"])
def test_a_file_that_is_not_toml_is_one_line(tmp_path, content):
    (tmp_path / "mark.toml").write_bytes(content)
    with pytest.raises(BadProfile, match=r"^profile .*mark\.toml is not TOML: [^\n]*$"):
        load_mark(tmp_path / "mark.toml")


def test_a_profile_that_is_missing_or_a_folder_is_one_line(tmp_path):
    with pytest.raises(BadProfile, match=r"does not exist; make one with `assay mark new"):
        load_mark(tmp_path / "mark.toml")
    with pytest.raises(BadProfile, match=r"^cannot read profile .*: Is a directory$"):
        load_mark(tmp_path)


def test_another_key_is_refused_by_its_fingerprint(made, tmp_path):
    (tmp_path / "mark.key").unlink()
    write_key(Key(bytes(32)), tmp_path / "mark.key")
    with pytest.raises(BadKey) as caught:
        load_mark(made.path)
    assert str(caught.value).startswith(
        f"profile {made.path}: the key's fingerprint is {Key(bytes(32)).fingerprint}, the profile expects {made.mark.key.fingerprint}; "
    )
    assert "00000000" not in str(caught.value)


def test_the_environment_can_name_the_key(made, tmp_path, monkeypatch):
    (tmp_path / "mark.key").rename(tmp_path / "moved.key")
    with pytest.raises(BadKey, match="does not exist"):
        load_mark(made.path)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "moved.key"))
    assert load_mark(made.path) == made


def test_a_profile_and_its_key_move_together(made, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    for name in ("mark.toml", "mark.key"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    monkeypatch.chdir(tmp_path)
    assert load_mark("elsewhere/mark.toml").mark == made.mark


@pytest.mark.parametrize("existing", ["mark.toml", "mark.key"])
def test_neither_file_is_overwritten_and_nothing_is_left_beside_it(profile_of, key, tmp_path, existing):
    (tmp_path / existing).write_text("precious")
    with pytest.raises(
        (BadProfile, BadKey), match=rf"^{re.escape(str(tmp_path / existing))} exists: .* never overwritten"
    ):
        new_mark(tmp_path / "mark.toml", profile_of(GreenList(key)))
    assert [p.name for p in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_a_mark_that_cannot_be_made_leaves_nothing(profile_of, key, tmp_path):
    profile = profile_of(GreenList(key))
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "nowhere")
    for path, changed, message in (
        (tmp_path / "mark.json", profile, r"must end in \.toml, got"),
        (tmp_path / "mark.toml", replace(profile, parameters={"gamma": 2}), "gamma must be between 0 and 1"),
        (tmp_path / "mark.toml", replace(profile, scheme="gumbel"), "unknown scheme"),
        (tmp_path / "mark.toml", replace(profile, model="caf\udce9"), "a name in it is not Unicode"),
        (tmp_path / "dangling.toml", profile, "File exists"),
        (tmp_path / "absent" / "mark.toml", profile, "No such file or directory"),
    ):
        with pytest.raises((BadProfile, BadKey), match=message) as caught:
            new_mark(path, changed)
        assert "\n" not in str(caught.value)
        assert [p.name for p in tmp_path.iterdir()] == ["dangling.toml"]


def test_a_full_disk_leaves_neither_key_nor_profile(tmp_path):
    """A file-size limit between the sizes of the two files, in a fresh process, is as good as a full disk."""
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "from pathlib import Path; from assay.errors import BadProfile\n"
        "from assay.watermark.profile import Profile, new_mark\n"
        "try:\n    new_mark(Path('mark.toml'), Profile('greenlist', {}, '', '', 'embedded', '0' * 16, 8192))\n"
        "except BadProfile as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert run.stdout == "cannot write profile mark.toml: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_that_is_not_the_marks_is_refused_by_name(made, tokenizer):
    check_tokenizer(made, tokenizer, "embedded")
    other = LoadedMark(made.path, replace(made.profile, model="gpt2", tokenizer_fingerprint="0" * 16), made.mark)
    with pytest.raises(TokenizerMismatch) as caught:
        check_tokenizer(other, tokenizer, "embedded")
    message = str(caught.value)
    assert "expects the tokenizer of 'gpt2' (fingerprint 0000000000000000)" in message
    assert f"got that of 'embedded' (fingerprint {tokenizer.fingerprint}, 8192 ids)" in message
    assert "\n" not in message


def test_a_mark_is_built_only_with_its_own_key(made):
    assert build_mark(made.profile, made.mark.key) == made.mark
    with pytest.raises(BadKey):
        build_mark(made.profile, Key(bytes(32)))
