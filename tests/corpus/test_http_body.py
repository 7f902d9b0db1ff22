"""A body is undone as far as it bears out what its headers claim, and kept as it is where it does not."""

import gzip
import importlib
import zlib

import pytest
import zstandard
from assay.corpus.header_block import charset_of, find_end, parse_headers
from assay.corpus.html_text import decode, extract_text, looks_like_html
from assay.corpus.http_body import TooLong, dechunk, plain_body, split_message

TEXT = b"Plain words of a page, some of them twice, some of them twice. " * 50
CAP = 1 << 20


def chunked(body, size=700):
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def bare_deflate(body):
    inner = zlib.compressobj(6, zlib.DEFLATED, -15)
    return inner.compress(body) + inner.flush()


def test_every_coding_is_undone():
    brotli = importlib.import_module("brotli")
    for coding, packed in {
        "gzip": gzip.compress(TEXT),
        "X-GZIP": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
        "deflate": zlib.compress(TEXT),
        "Deflate": bare_deflate(TEXT),
        "br": brotli.compress(TEXT),
        "zstd": zstandard.compress(TEXT),
        "identity": TEXT,
        "": TEXT,
    }.items():
        assert plain_body({"content-encoding": coding}, packed, CAP) == TEXT, coding
        both = {"content-encoding": coding, "transfer-encoding": "chunked"}
        assert plain_body(both, chunked(packed), CAP) == TEXT, coding


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_claimed_coding_that_is_not_there_leaves_the_body(coding):
    for body in (TEXT, b"<!DOCTYPE html><p>x", b"7d72 is a number"):
        assert plain_body({"content-encoding": coding}, body, CAP) == body
        both = {"content-encoding": coding, "transfer-encoding": "chunked"}
        assert plain_body(both, body, CAP) == body


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_cut_body_gives_what_is_there(coding):
    noise = bytes((i * i * 31 + i // 7) % 251 for i in range(60_000))
    packed = gzip.compress(noise) if coding == "gzip" else zlib.compress(noise)
    plain = plain_body({"content-encoding": coding}, packed[: len(packed) // 2], CAP)
    assert len(plain) > 1000
    assert noise.startswith(plain)


def test_chunks_lose_their_sizes_whatever_their_form():
    assert dechunk(b"5\r\nhello\r\n0\r\n\r\n") == b"hello"
    assert dechunk(b"5 ;x=y\nhello\n1\n!\n0\n\n") == b"hello!"
    assert dechunk(b"0005\r\nhello\r\n6\r\n, you") == b"hello, you"  # cut inside a chunk
    assert dechunk(b"5\r\nhello\r\nrest without size") == b"hellorest without size"
    assert dechunk(b"7d72 is how the text begins") == b"7d72 is how the text begins"
    assert dechunk(b"5\nhas five lines, and this is the first") == b"5\nhas five lines, and this is the first"
    assert dechunk(b"") == b""


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare_deflate, zstandard.compress])
def test_a_bomb_stops_at_the_cap(pack):
    coding = {zstandard.compress: "zstd", gzip.compress: "gzip"}.get(pack, "deflate")
    with pytest.raises(TooLong, match="more than 1,048,576 bytes"):
        plain_body({"content-encoding": coding}, pack(bytes(16 << 20)), CAP)
    brotli = importlib.import_module("brotli")
    with pytest.raises(TooLong):
        plain_body({"content-encoding": "br"}, brotli.compress(bytes(4 << 20)), CAP)


def test_headers_are_read_in_any_case_with_any_line_end():
    block = b"HTTP/1.1 200 OK\r\nConTent-Type : text/html ; charset='x'\r\nX: a\r\n  b\r\nrubbish\r\nx: second"
    assert parse_headers(block) == {"content-type": "text/html ; charset='x'", "x": "a b"}
    assert parse_headers(b"S\nA: 1\nb:2\nA: 3") == {"a": "1", "b": "2"}
    assert find_end(b"A: 1\n\nbody\r\n\r\n", 0) == (4, 6)
    assert find_end(b"A: 1\r\n\r\nbody\n\n", 0) == (4, 8)
    assert find_end(b"A: 1\r\n", 0) is None
    assert charset_of('text/html; Charset="ISO-8859-1"') == "iso-8859-1"


def test_a_message_is_split_and_what_is_none_is_none():
    message = split_message(b"HTTP/1.1 404 Not Found\r\nA: 1\r\n\r\nbody")
    assert message is not None
    assert (message.status, message.headers, message.body) == (404, {"a": "1"}, b"body")
    assert split_message(b"20080430204825\nwww.archive.org.") is None


def test_characters_are_found_by_mark_then_utf8_then_page_then_header():
    page = "<html><head><meta charset='%s'></head><p>Größe für älteren Übungsleiter</p>"
    assert "Größe" in decode((page % "utf-8").encode(), "latin-1", html=True)  # valid UTF-8 beats a wrong header
    assert "Größe" in decode((page % "iso-8859-1").encode("latin-1"), "", html=True)
    assert decode("Größe".encode("latin-1"), "iso-8859-1", html=False) == "Größe"
    assert decode("Größe".encode("utf-16"), "", html=False) == "Größe"
    russian = "Это обычный русский текст про погоду завтра утром. " * 5
    assert decode(russian.encode("cp1251"), "windows-1251", html=False) == russian
    assert decode(russian.encode("cp1251"), "", html=False) == russian  # by its letters
    assert decode(b"\xff\xfe\xfd" * 3, "no-such-charset", html=False) != ""


def test_both_extractors_take_the_text_and_leave_the_script():
    page = "<html><head><title>T</title><script>var x=1</script></head><body><nav>Home</nav><main><h1>Head</h1>"
    page += "".join(f"<p>This is paragraph number {i} with a good number of plain words in it.</p>" for i in range(9))
    page += "</main></body></html>"
    for extractor in ("resiliparse", "trafilatura"):
        text = extract_text(page, extractor)
        assert "paragraph number 8" in text
        assert "var x" not in text
    assert looks_like_html(page.encode())
    assert not looks_like_html(b"just words, 3 < 4")
