"""What a WARC or ARC record is to a text scan: a document, a loss, or passed over because it holds no text.

Sources of text: `conversion` (WET), `response` with an HTML or plain-text body, `resource` with such a block. Never
`revisit` (the text stands elsewhere), `request`, `metadata` (WAT), `warcinfo`. The HTTP status does not matter: a page
that says 404 is text; a redirect without a body is passed over.
"""

from __future__ import annotations

from typing import Any

from .crawl_items import CrawlDocument, Lost, Passed, ReadOptions, lost_at, place_id
from .header_block import charset_of, media_type
from .html_text import ExtractionFailed, decode, extract_text, looks_binary, looks_like_html
from .http_body import TooLong, plain_body, split_message
from .warc import WarcRecord

_HTML = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
_UNTOLD = frozenset({"", "application/octet-stream", "unknown", "application/http", "unk", "no-type"})


def read_text(record: WarcRecord, options: ReadOptions, file_name: str) -> CrawlDocument | Lost | Passed:
    """Take the text of a record."""
    kind = record.headers.get("warc-type", "").lower()
    if kind == "conversion":
        return _conversion(record, options, file_name)
    if kind == "response":
        return _response(record, options, file_name)
    if kind == "resource":
        return _block(record, record.headers, record.body, options, file_name)
    return Passed(kind or "no WARC-Type")


def _conversion(record: WarcRecord, options: ReadOptions, file_name: str) -> CrawlDocument | Lost | Passed:
    declared = media_type(record.headers.get("content-type", ""))
    if declared and not declared.startswith("text/"):
        return Passed(f"conversion of {declared}")
    if record.length > options.max_record_bytes:
        return _too_big(record, f"the record has {record.length:,} bytes", options.max_record_bytes, file_name)
    try:
        text = record.body.decode("utf-8")
    except UnicodeDecodeError:
        text = decode(record.body, charset_of(record.headers.get("content-type", "")), html=False)
    return _document(record, text, "text/plain", options, file_name)


def _response(record: WarcRecord, options: ReadOptions, file_name: str) -> CrawlDocument | Lost | Passed:
    message = split_message(record.body)
    if message is None:
        return _block(record, record.headers, record.body, options, file_name)
    if record.length <= options.max_record_bytes and not message.body.strip():
        return _no_body(record, message.status, message.headers, file_name)
    return _block(record, message.headers, message.body, options, file_name)


def _no_body(record: WarcRecord, status: int, headers: dict[str, str], file_name: str) -> Lost | Passed:
    """Tell an answer that has no body by its nature from one whose body is gone."""
    declared = headers.get("content-length", "")
    if 200 <= status < 300 and status not in (204, 205) and declared.isdecimal() and int(declared) > 0:
        message = f"the response declares {int(declared):,} bytes of body, the record holds none"
        return _lost(record, "empty_body", message, file_name)
    return Passed(f"http {status} without body")


def _block(
    record: WarcRecord, headers: dict[str, str], block: bytes, options: ReadOptions, file_name: str
) -> CrawlDocument | Lost | Passed:
    """Take the text of a body that `headers` describe."""
    declared = headers.get("content-type", "")
    media = media_type(declared)
    told = media_type(record.headers.get("warc-identified-payload-type", ""))
    if media in _UNTOLD and told:
        media = told
    if media not in _HTML and media not in _UNTOLD and media != "text/plain":
        return Passed(media[:80])
    cap = options.max_record_bytes
    if record.length > cap:
        return _too_big(record, f"the record has {record.length:,} bytes", cap, file_name)
    try:
        body = plain_body(headers, block, cap)
    except TooLong as error:
        return _too_big(record, str(error), cap, file_name)
    if media in _UNTOLD:
        if not looks_like_html(body):
            return Passed(media or "no content type")
        media = "text/html"
    if looks_binary(body):
        return Passed(f"binary body as {media}")
    text = decode(body, charset_of(declared), html=media in _HTML)
    if media in _HTML:
        try:
            text = extract_text(text, options.extract)
        except ExtractionFailed as error:
            return _lost(record, "extraction_failed", str(error), file_name)
    return _document(record, text, media, options, file_name)


def _document(record: WarcRecord, text: str, media: str, options: ReadOptions, file_name: str) -> CrawlDocument | Lost:
    headers = record.headers
    if len(text) > options.max_text_chars:
        return _too_big(record, f"the text has {len(text):,} characters", options.max_text_chars, file_name)
    fields: dict[str, Any] = {"date": headers.get("warc-date", ""), "content_type": media}
    language = headers.get("warc-identified-content-language")
    if language:
        fields["language"] = language
    length = str(record.length)
    if headers.get("content-length", length) != length:
        fields["declared_length"] = headers["content-length"][:20]  # wrong: the body was found by the next record
    url = headers.get("warc-target-uri", "").removeprefix("<").removesuffix(">")
    return CrawlDocument(_id(record, file_name), text, record.place.member, url, fields, record.place.skip)


def _id(record: WarcRecord, file_name: str) -> str:
    return record.headers.get("warc-record-id") or place_id(file_name, record.place)


def _too_big(record: WarcRecord, got: str, cap: int, file_name: str) -> Lost:
    return _lost(record, "too_big", f"{got}, expected at most {cap:,}", file_name)


def _lost(record: WarcRecord, reason: str, message: str, file_name: str) -> Lost:
    return lost_at(record.place, reason, message, True, _id(record, file_name))
