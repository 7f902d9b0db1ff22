"""Every record that can be read is delivered; every other is reported once, with its place, and reading goes on."""

import gzip
import io
import json
import os
import subprocess
import sys

import pytest
from assay.corpus.documents import Document, Unreadable, read_documents
from assay.errors import DataError


def write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def texts(items):
    return [item.text for item in items if isinstance(item, Document)]


def split(path, **options):
    items = list(read_documents(path, **options))
    return texts(items), [item for item in items if isinstance(item, Unreadable)]


def assert_one_line(message):
    assert message
    assert "\n" not in message


ABC = lines({"text": "a"}, {"text": "b"}, {"text": "c"})


def test_a_document_has_its_id_text_other_fields_and_place(tmp_path):
    path = write(tmp_path, "in.jsonl", lines({"url": "u", "text": "one", "id": 7, "n": [1, None]}, {"text": "two"}))
    first, second = read_documents(path)
    assert first == Document("7", "one", {"url": "u", "n": [1, None]}, f"{path}:1")
    assert second == Document("in.jsonl:2", "two", {}, f"{path}:2")


def test_an_id_is_a_string_or_an_integer_and_null_is_none(tmp_path):
    path = write(
        tmp_path, "in.jsonl", lines(*({"id": i, "text": "t"} for i in ("x", 0, -3, None, "", 1.5, True, ["x"])))
    )
    items = list(read_documents(path))
    assert [item.id for item in items[:5]] == ["x", "0", "-3", "in.jsonl:4", ""]
    assert [type(item) for item in items[5:]] == [Unreadable] * 3
    assert "a number" in items[5].message
    assert items[5].id == "in.jsonl:6"


def test_stdin_is_json_lines_named_dash_and_stays_open():
    stdin = io.BytesIO(b'{"text": "a"}\nnope\n')
    first, second = read_documents("-", stdin=stdin)
    assert (first.id, first.place) == ("-:1", "-:1")
    assert (second.id, second.place) == ("-:2", "-:2")
    assert not stdin.closed
    assert texts(read_documents("-", stdin=io.BytesIO(gzip.compress(ABC, mtime=0)))) == ["a", "b", "c"]


def test_stdin_delivers_a_line_before_the_next_one_is_written():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as stdin, os.fdopen(write_end, "wb", buffering=0) as writer:
        writer.write(b'{"text": "a"}\n')
        items = read_documents("-", stdin=stdin)
        assert next(items).text == "a"
        writer.write(b'{"text": "b"}\n')
        assert next(items).text == "b"


def test_another_text_field_can_be_named_and_its_absence_is_reported_with_what_there_is(tmp_path):
    path = write(tmp_path, "in.jsonl", lines({"body": "b", "id": "i"}, {"text": 3}, {"text": None}, {"text": "t"}))
    assert texts(read_documents(path, text_field="body")) == ["b"]
    good, bad = split(path)
    assert good == ["t"]
    assert [item.id for item in bad] == ["i", "in.jsonl:2", "in.jsonl:3"]
    assert '"body", "id"' in bad[0].message
    assert "--text-field" in bad[0].message
    assert "must be a string, got a number" in bad[1].message
    assert "must be a string, got null" in bad[2].message


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"{not json", "not JSON"),
        (b'{"text": "cut', "not JSON"),
        (b'{"text": "a"} {"text": "b"}', "Extra data"),
        (b'["a"]', "a list"),
        (b'"a"', "a string"),
        (b"17", "a number"),
        (b"null", "null"),
        (b'{"text": "a\x00b"}', "control character"),
        (b"\x00" * 40, "not JSON"),
        (b'{"text": "caf\xe9"}', "byte 0xe9 at byte 14 of the line"),
        (b'{"text": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"text": "\\ud800"}', "lone surrogate \\ud800"),
        (b'{"text": "a", "other": {"k": ["\\uDFff x"]}}', "lone surrogate \\udfff"),
        (b'{"text": "a", "\\ud800": 1}', "lone surrogate"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"text": ' + b"[" * 200_000 + b"}", "JSON"),
        (b"{}", "no fields"),
    ],
)
def test_a_bad_line_is_reported_in_one_line_and_its_neighbours_are_read(tmp_path, line, word):
    path = write(tmp_path, "in.jsonl", b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')
    items = list(read_documents(path))
    assert texts(items) == ["before", "after"]
    assert [type(item) for item in items] == [Document, Unreadable, Document]
    assert items[1].place == f"{path}:2"
    assert items[1].id == "in.jsonl:2"
    assert word in items[1].message
    assert_one_line(items[1].message)
    assert len(items[1].message) < 300


def test_escaped_pairs_and_an_escaped_nul_are_text(tmp_path):
    path = write(tmp_path, "in.jsonl", b'{"text": "\\ud83d\\ude00 \\u0000"}\n')
    assert split(path) == (["\U0001f600 \0"], [])


def test_blank_lines_bom_crlf_and_a_missing_last_newline_are_no_errors(tmp_path):
    data = b'\xef\xbb\xbf{"text": "a"}\r\n\r\n   \n\n{"text": "b\\r\\n"}\r\n{"text": "c"}'
    path = write(tmp_path, "in.jsonl", data)
    items = list(read_documents(path))
    assert texts(items) == ["a", "b\r\n", "c"]
    assert [item.place.rpartition(":")[2] for item in items] == ["1", "5", "6"]


def test_line_separators_of_unicode_end_no_line(tmp_path):
    path = write(tmp_path, "in.jsonl", '{"text": "a\u2028b\u0085c"}\n')
    assert split(path) == (["a\u2028b\u0085c"], [])


def test_empty_text_is_a_document_and_an_empty_file_holds_none(tmp_path):
    assert split(write(tmp_path, "in.jsonl", b'{"text": ""}\n')) == ([""], [])
    assert split(write(tmp_path, "none.jsonl", b"")) == ([], [])


def test_a_line_over_the_cap_is_reported_with_its_size_and_the_next_is_read(tmp_path):
    long = json.dumps({"text": "x" * 3_000_000}).encode()
    path = write(tmp_path, "in.jsonl", b'{"text": "a"}\n' + long + b'\n{"text": "b"}\n' + long)
    good, bad = split(path, max_bytes=1000)
    assert good == ["a", "b"]
    assert [item.place for item in bad] == [f"{path}:2", f"{path}:4"]
    assert all("3,000,0" in item.message for item in bad)
    assert all("at most 1,000" in item.message for item in bad)


def test_the_cap_is_exact(tmp_path):
    line = b'{"text": "abc"}'
    path = write(tmp_path, "in.jsonl", line + b"\n" + line)
    assert split(path, max_bytes=len(line)) == (["abc", "abc"], [])
    assert len(split(path, max_bytes=len(line) - 1)[1]) == 2


def test_an_endless_line_needs_no_memory_of_its_size():
    """A line of 512 MiB is skipped by a process that may not hold more than 300 MiB."""
    code = """
import io, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
from assay.corpus.documents import read_documents
class Endless(io.RawIOBase):
    left = 512
    def readable(self): return True
    def read(self, n):
        self.left -= 1
        return b"x" * (1 << 20) if self.left >= 0 else b'\\n{"text": "after"}\\n' if self.left == -1 else b""
bad, good = read_documents("-", stdin=Endless(), max_bytes=1 << 20)
assert "536,870," in bad.message and good.text == "after", (bad, good)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_text_file_is_one_document_as_it_stands(tmp_path):
    path = write(tmp_path, "note.txt", "\ufeff one\r\n\r\ntwo \n")
    assert list(read_documents(path)) == [Document("note.txt", " one\r\n\r\ntwo \n", {}, path)]
    assert split(write(tmp_path, "empty.md", b"")) == ([""], [])
    assert split(write(tmp_path, "a.txt.gz", gzip.compress(b"packed", mtime=0))) == (["packed"], [])
    assert split(write(tmp_path, "looks.txt", ABC)) == ([ABC.decode()], [])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"line one\nbad \xff byte\n", "byte 0xff at byte 14 of the file (line 2)"),
        ("no mark".encode("utf-16-le"), "NUL"),
        (b"x" * 101, "more than 100 bytes"),
        (gzip.compress(b"packed", mtime=0)[:-9], "cut"),
    ],
)
def test_a_text_file_that_is_none_is_one_report(tmp_path, data, word):
    good, bad = split(write(tmp_path, "a.txt", data), max_bytes=100)
    assert good == []
    assert [item.id for item in bad] == ["a.txt"]
    assert word in bad[0].message


def test_an_unknown_suffix_is_told_by_its_first_line(tmp_path):
    assert split(write(tmp_path, "a.data", b"\n\n" + ABC)) == (["a", "b", "c"], [])
    assert split(write(tmp_path, "b", b'{"text": "' + b"x" * 200_000 + b'"}\n'))[0] == ["x" * 200_000]
    assert split(write(tmp_path, "c.rst", b"{braces} are text\n")) == (["{braces} are text\n"], [])
    assert split(write(tmp_path, "d", b"")) == ([""], [])


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("a.jsonl", '{"text": "a"}'.encode("utf-16"), "UTF-16"),
        ("a.jsonl", b"\xfd7zXZ\x00...", "xz"),
        ("a.txt", b"PK\x03\x04...", "zip"),
        ("a.json", b'[\n  {"text": "a"}\n]\n', "JSON array"),
        ("a.json", b'[{"text": "a"}, {"text": "b"}]', "JSON array"),
        ("a.json", b'{\n  "text": "a"\n}\n', "indented JSON"),
        ("a.parquet", ABC, "not Parquet"),
    ],
)
def test_a_format_that_is_not_supported_is_refused_at_the_call(tmp_path, name, data, word):
    with pytest.raises(DataError, match=word) as caught:
        read_documents(write(tmp_path, name, data))
    assert_one_line(str(caught.value))


def test_a_file_that_cannot_be_opened_is_refused_at_the_call(tmp_path):
    with pytest.raises(DataError, match=r"no such file: .*gone\.jsonl; expected .*; check the path"):
        read_documents(str(tmp_path / "gone.jsonl"))
    with pytest.raises(DataError, match="is a directory, expected a file"):
        read_documents(str(tmp_path))
    locked = write(tmp_path, "locked.jsonl", ABC)
    os.chmod(locked, 0)
    if not os.access(locked, os.R_OK):  # root reads everything
        with pytest.raises(DataError, match="Permission denied"):
            read_documents(locked)


def test_a_named_pipe_is_read(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with subprocess.Popen([sys.executable, "-c", f"open({path!r}, 'wb').write({ABC!r})"]):
        assert split(path) == (["a", "b", "c"], [])


def test_reading_is_lazy(tmp_path):
    path = write(tmp_path, "a.jsonl", ABC + b'{"text": "' + b"x" * 500_000 + b'"}\n')
    items = read_documents(path)
    assert next(items).text == "a"
    with open(path, "r+b") as file:
        file.truncate(200_000)
    assert [type(item) for item in items] == [Document, Document, Unreadable]


def test_plain_json_lines_import_no_decompressor_and_no_pyarrow(tmp_path):
    path, out = write(tmp_path, "a.jsonl", ABC), str(tmp_path / "out.jsonl")
    code = f"""
import sys
from assay.corpus.documents import read_documents
from assay.corpus.prompts import read_prompts
from assay.corpus.writer import JsonLinesWriter
with JsonLinesWriter({out!r}, append=True) as writer:
    writer.write_all({{"id": d.id}} for d in read_documents({path!r}))
assert len(list(read_prompts({path!r}))) == 3
assert not {{"gzip", "zlib", "zstandard", "pyarrow", "numpy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
