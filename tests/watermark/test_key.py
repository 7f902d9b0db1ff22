"""A key never shows itself, lies in a file of its owner's, and is refused in one line when anything is wrong with it."""

import copy
import json
import os
import pickle
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from assay.errors import BadKey
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkConfig, MarkProcessor
from assay.watermark.key import KEY_FILE_VARIABLE, Key, key_paths, new_key, read_key, write_key
from assay.watermark.provenance import watermark_record

SECRET = bytes(range(100, 132))
SHOWN = (SECRET.hex(), SECRET.hex().upper(), repr(SECRET)[2:-1], SECRET.decode("latin-1"), str(list(SECRET))[1:-1])
LINE = f"assay-key-1 {SECRET.hex()}\n"


def holds_key(text: str) -> bool:
    return any(form in text for form in SHOWN)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    write_key(Key(SECRET), tmp_path / "mark.key")
    return tmp_path / "mark.key"


def written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def refusal(path: Path) -> str:
    """The message with which reading is refused: one line, without the key, alone or in a traceback or a pickle."""
    with pytest.raises(BadKey) as caught:
        read_key(path)
    message = str(caught.value)
    assert "\n" not in message
    assert not holds_key(message)
    assert not holds_key("".join(traceback.format_exception(caught.value)))
    assert not any(form.encode("latin-1") in pickle.dumps(caught.value) for form in SHOWN)
    return message


def test_the_fingerprint_is_the_start_of_the_sha256():
    """echo 000102...1f | xxd -r -p | sha256sum"""
    assert Key(bytes(range(32))).fingerprint == "630dcd2966c43366"


def test_nothing_made_of_a_key_shows_it(loaded_of):
    mark = GreenList(Key(SECRET), context_width=2, self_salt=True)
    assert mark.hash_key.width == 2  # so that the schedule is cached inside the mark
    config, loaded = MarkConfig(mark, 0), loaded_of(mark)
    things = [mark.key, mark, mark.hash_key, config, MarkProcessor(mark), loaded, loaded.profile, vars(config)]
    schedule = [f"{word:x}" for word in mark.hash_key.multipliers.tolist()] + list(
        map(str, mark.hash_key.multipliers.tolist())
    )
    for thing in things:
        for text in (repr(thing), str(thing), f"{thing}"):
            assert not holds_key(text)
            assert not any(word in text for word in schedule)
    for record in (config.to_dict(), dict(config), watermark_record(loaded), mark.parameters):
        assert not holds_key(json.dumps(record))


def test_keys_compare_and_hash_by_value():
    assert Key(SECRET) == Key(bytearray(SECRET))
    assert len({Key(SECRET), Key(SECRET), Key(bytes(32))}) == 2
    assert Key(SECRET) != SECRET


def test_a_key_survives_copy_and_pickle_for_worker_processes():
    assert copy.deepcopy(Key(SECRET)) == Key(SECRET)
    assert pickle.loads(pickle.dumps(Key(SECRET))) == Key(SECRET)
    assert pickle.loads(pickle.dumps(GreenList(Key(SECRET)))) == GreenList(Key(SECRET))


def test_a_key_has_no_place_for_anything_else():
    with pytest.raises(AttributeError):
        Key(SECRET).name = "mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_another_size_is_refused(size):
    with pytest.raises(BadKey, match=f"^a key has 32 bytes, got {size}; make one with"):
        Key(bytes(size))


def test_new_keys_differ():
    assert len({new_key() for _ in range(50)}) == 50


def test_a_key_file_is_one_line_for_its_owner_only(key_file):
    assert key_file.read_bytes() == LINE.encode()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert read_key(key_file) == Key(SECRET)


def test_the_mode_does_not_depend_on_the_umask(tmp_path):
    before = os.umask(0)
    try:
        write_key(Key(SECRET), tmp_path / "mark.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mark.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [LINE.strip(), LINE.replace("\n", "\r\n"), f"\n {LINE}\n\n", LINE.replace("a", "A", 0)]
)
def test_a_key_file_survives_editors(tmp_path, content):
    assert read_key(written(tmp_path / "mark.key", content.encode())) == Key(SECRET)


def test_hexadecimal_digits_may_be_capitals(tmp_path):
    content = f"assay-key-1 {SECRET.hex().upper()}\n"
    assert read_key(written(tmp_path / "mark.key", content.encode())) == Key(SECRET)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o610, 0o666, 0o601])
def test_a_key_that_others_may_read_is_refused_with_the_remedy(key_file, mode):
    key_file.chmod(mode)
    message = refusal(key_file)
    assert f"(mode {mode:04o}, expected 0600)" in message
    assert f"chmod 600 {key_file}" in message


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_key_that_only_its_owner_may_read_is_accepted(key_file, mode):
    key_file.chmod(mode)
    assert read_key(key_file) == Key(SECRET)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        LINE.encode()[:-4],
        LINE.encode().replace(b"\n", b"00\n"),
        SECRET.hex().encode(),
        SECRET,
        b"assay-key-2 " + SECRET.hex().encode(),
        b"assay-key-1 " + b"g" * 64,
        b"assay-key-1 " + SECRET.hex().encode()[:62] + b"\xc3\xa9",
        b"assay-key-1 " + SECRET.hex().encode()[:62].replace(b"64", b"6 ") + b"00",
        b"assay-key-1 " + b" ".join([SECRET.hex().encode()[:31], SECRET.hex().encode()[:32]]),
        LINE.encode() * 2,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n",
        b"\xff\xfe" + LINE.encode("utf-16-le"),
    ],
    ids=range(14),
)
def test_a_file_that_is_no_key_is_refused_without_quoting_it(tmp_path, content):
    path = written(tmp_path / "mark.key", content)
    message = refusal(path)
    assert message == f"key file {path} is not an assay key: expected one line 'assay-key-1 ' and 64 hexadecimal digits"


def test_a_missing_key_is_named_with_the_way_out(tmp_path):
    message = refusal(tmp_path / "mark.key")
    assert message.startswith(f"key file {tmp_path / 'mark.key'} does not exist")
    assert KEY_FILE_VARIABLE in message


def test_a_folder_a_pipe_and_an_impossible_name_are_no_key_files(tmp_path):
    assert "directory" in refusal(tmp_path).lower()
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file" in refusal(tmp_path / "pipe")  # and reading did not wait for a writer
    assert "cannot read key file" in refusal(Path("a\0b"))
    assert "cannot read key file" in refusal(tmp_path / ("x" * 300))


def test_a_key_is_never_overwritten(key_file):
    with pytest.raises(BadKey, match=r"exists: a key is never overwritten; choose another name"):
        write_key(Key(bytes(32)), key_file)
    assert key_file.read_bytes() == LINE.encode()


def test_a_key_is_not_written_through_a_dangling_link(tmp_path):
    (tmp_path / "mark.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadKey, match="never overwritten"):
        write_key(Key(SECRET), tmp_path / "mark.key")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_does_not_exist_is_one_line(tmp_path):
    with pytest.raises(BadKey, match=r"^cannot write the key file .*: No such file or directory$"):
        write_key(Key(SECRET), tmp_path / "absent" / "mark.key")


def test_a_full_disk_leaves_no_half_a_key(tmp_path):
    """A file-size limit of 20 bytes in a fresh process is as good as a full disk."""
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "from pathlib import Path; from assay.errors import BadKey; from assay.watermark.key import Key, write_key\n"
        "try:\n    write_key(Key(bytes(32)), Path('mark.key'))\n"
        "except BadKey as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert run.stdout == "cannot write the key file mark.key: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_the_key_in_place_of_the_profile(monkeypatch):
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)
    assert key_paths(Path("marks/a.toml"), "a.key") == [Path("marks/a.key")]
    monkeypatch.setenv(KEY_FILE_VARIABLE, "/run/secrets/key")
    assert key_paths(Path("marks/a.toml"), "a.key") == [Path("/run/secrets/key")]
    monkeypatch.setenv(KEY_FILE_VARIABLE, "")
    assert key_paths(Path("marks/a.toml"), "a.key") == [Path("marks/a.key")]
