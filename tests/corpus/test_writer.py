"""What `write` returned from is in the file; an error leaves whole records and one line for the user."""

import contextlib
import gc
import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading

import pytest
import zstandard
from assay.corpus.documents import Document, read_documents
from assay.corpus.writer import JsonLinesWriter, Resumed
from assay.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.builds(lambda fields, text: {**fields, "text": text}, st.dictionaries(TEXT, JSON), TEXT))


@settings(deadline=None, max_examples=50)
@given(records=RECORDS, suffix=st.sampled_from(["", ".gz", ".zst"]), batch=st.booleans())
def test_what_is_written_is_read_back_equal(records, suffix, batch):
    records = [{**record, "id": str(i)} for i, record in enumerate(records)]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a.jsonl{suffix}"
        with JsonLinesWriter(path) as writer:
            if batch:
                writer.write_all(records)
            else:
                for record in records:
                    writer.write(record)
            assert writer.n_written == len(records)
        items = list(read_documents(path))
    assert all(isinstance(item, Document) for item in items)
    assert [{"id": item.id, "text": item.text, **item.fields} for item in items] == records


def test_the_id_comes_first_and_text_stays_readable(tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesWriter(str(path)) as writer:
        writer.write({"text": "né\u2028\n", "id": "i"})
    assert path.read_bytes() == '{"id": "i", "text": "né\u2028\\n"}\n'.encode()


def test_a_record_is_in_the_file_before_write_returns(tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesWriter(str(path)) as writer:
        writer.write({"id": 1})
        assert path.read_bytes() == b'{"id": 1}\n'


def test_numbers_that_json_lacks_become_null(tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesWriter(str(path)) as writer:
        writer.write({"id": 1, "x": [float("nan"), (float("inf"), 1.5)], "y": {"z": float("-inf")}})
    assert json.loads(path.read_bytes()) == {"id": 1, "x": [None, [None, 1.5]], "y": {"z": None}}


def test_a_lone_surrogate_is_refused_and_nothing_of_its_batch_is_written(tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesWriter(str(path)) as writer:
        with pytest.raises(DataError, match=r"record 2 holds the lone surrogate \\ud800"):
            writer.write_all([{"id": 1}, {"id": 2, "text": "\ud800"}])
        writer.write({"id": 3})
    assert path.read_bytes() == b'{"id": 3}\n'


def test_what_no_json_can_hold_is_a_programming_mistake(tmp_path):
    with JsonLinesWriter(str(tmp_path / "a.jsonl"), append=True) as writer:
        with pytest.raises(TypeError, match="a record cannot hold a set"):
            writer.write({"id": 1, "x": set()})
        for record in ({"text": "t"}, {"id": None}, {"id": 1.5}, {"id": True}):
            with pytest.raises(TypeError, match="needs an id"):
                writer.write(record)
    with pytest.raises(ValueError, match="closed"):
        writer.write({"id": 1})
    assert (tmp_path / "a.jsonl").read_bytes() == b""


def test_an_id_is_written_once_so_that_the_output_can_resume(tmp_path):
    path = str(tmp_path / "a.jsonl")
    for _ in range(2):
        with JsonLinesWriter(path, append=True) as writer:
            if not writer.resumed.ids:
                writer.write({"id": 1})
            with pytest.raises(ValueError, match="'1' is written already"):
                writer.write({"id": "1"})
            with pytest.raises(ValueError, match="2 is written already"):
                writer.write_all([{"id": 2}, {"id": 2}])
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"id": 1}\n'


def test_without_append_the_old_file_is_replaced_but_only_once_it_is_locked(tmp_path):
    path = str(tmp_path / "a.jsonl")
    with JsonLinesWriter(path) as first:
        first.write({"id": 1})
        with pytest.raises(DataError, match="another run is writing to"):
            JsonLinesWriter(path)
        assert os.path.getsize(path) == 10
    with JsonLinesWriter(path) as second:
        second.write({"id": 2})
    with open(path, "rb") as file:
        assert file.read() == b'{"id": 2}\n'


def test_another_process_is_locked_out_until_close(tmp_path):
    path = str(tmp_path / "a.jsonl")
    code = f"""
from assay.corpus.writer import JsonLinesWriter, resume_jsonl
from assay.errors import DataError
for attempt in (lambda: JsonLinesWriter({path!r}, append=True).close(), lambda: resume_jsonl({path!r})):
    try:
        attempt()
    except DataError as error:
        print(error)
"""
    with JsonLinesWriter(path, append=True):
        shut = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    free = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert shut.stdout == f"another run is writing to {path}; wait for it, or name another output file\n" * 2
    assert free.stdout == ""


def test_stdout_is_flushed_for_each_record_and_left_open():
    out = io.BytesIO()
    buffered = io.BufferedWriter(out)
    with JsonLinesWriter("-", append=True, stdout=buffered) as writer:
        assert writer.resumed == Resumed()
        writer.write({"id": 1})
        assert out.getvalue() == b'{"id": 1}\n'
    assert not buffered.closed


def test_compressed_output_is_whole_after_close_also_after_an_error(tmp_path):
    for suffix, decompress in ((".gz", gzip.decompress), (".zst", lambda data: zstandard.decompress(data, 1 << 20))):
        path = tmp_path / f"a.jsonl{suffix}"
        with pytest.raises(TypeError, match="a set"), JsonLinesWriter(str(path)) as writer:
            writer.write_all({"id": 1, "x": x} for x in (0, set()))
        assert decompress(path.read_bytes()) == b""
        with contextlib.suppress(KeyError), JsonLinesWriter(str(path)) as writer:
            writer.write({"id": 1})
            raise KeyError
        assert decompress(path.read_bytes()) == b'{"id": 1}\n'
        before = path.read_bytes()
        with pytest.raises(DataError, match=r"resume needs plain \.jsonl"):
            JsonLinesWriter(str(path), append=True)
        assert path.read_bytes() == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device_is_one_line():
    with JsonLinesWriter("/dev/full", append=True) as writer:
        with pytest.raises(DataError, match=r"cannot write to /dev/full: No space left on device; 0 records") as caught:
            writer.write({"id": 1})
        assert "it resumes after them" in str(caught.value)
        assert "\n" not in str(caught.value)
    with open("/dev/full", "wb", buffering=0) as full:
        writer = JsonLinesWriter("-", stdout=full)
        with pytest.raises(DataError, match="cannot write to stdout: No space left"):
            writer.write({"id": 1})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_output_on_a_full_device_is_one_line(tmp_path, suffix):
    path = tmp_path / f"full.jsonl{suffix}"
    path.symlink_to("/dev/full")
    writer = JsonLinesWriter(str(path))
    writer.write({"id": 1})
    with pytest.raises(DataError, match="the file is cut; make room, then start again"):
        writer.close()
    writer.close()
    with open(tmp_path / "other", "wb") as other:  # gets the descriptor that the writer gave up
        del writer
        gc.collect()
        assert other.seek(0, os.SEEK_END) == 0


def test_a_write_that_stops_half_way_is_taken_back(tmp_path):
    """A limit on the file size stops the third record in its middle, as a full disk does; the file then resumes."""
    path = str(tmp_path / "a.jsonl")
    code = f"""
import resource, signal
from assay.corpus.writer import JsonLinesWriter
from assay.errors import DataError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (25, resource.RLIM_INFINITY))
with JsonLinesWriter({path!r}, append=True) as writer:
    try:
        for i in range(5):
            writer.write({{"id": i}})
    except DataError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert "2 records of this run are safely written; make room, then run the same command again" in done.stdout
    with open(path, "rb") as file:
        assert file.read() == b'{"id": 0}\n{"id": 1}\n'
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with JsonLinesWriter(path, append=True) as writer:
        assert writer.resumed == Resumed({"0": 1, "1": 2})


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_reader_that_went_away_is_a_broken_pipe(buffering):
    read_end, write_end = os.pipe()
    os.close(read_end)
    stdout = os.fdopen(write_end, "wb", buffering=buffering)
    with JsonLinesWriter("-", stdout=stdout) as writer, pytest.raises(BrokenPipeError):
        writer.write({"id": 1})
    with contextlib.suppress(BrokenPipeError):  # a buffered stdout tries once more, as Python does at its exit
        stdout.close()


def test_a_named_pipe_is_written_to_and_its_end_noticed(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    got = []

    def read_one_line():
        with open(path, "rb", buffering=0) as pipe:
            got.append(pipe.readline())

    reader = threading.Thread(target=read_one_line)
    reader.start()
    with JsonLinesWriter(path, append=True) as writer:
        writer.write({"id": 1})
        reader.join(30)
        with pytest.raises(BrokenPipeError):
            writer.write({"id": 2})
    assert got == [b'{"id": 1}\n']


@pytest.mark.parametrize("name", ["no/such/folder/a.jsonl", "."])
def test_an_output_that_cannot_be_opened_is_one_line(tmp_path, name):
    with pytest.raises(DataError, match=r"cannot write to .*; name a file in a folder that exists"):
        JsonLinesWriter(str(tmp_path / name))
