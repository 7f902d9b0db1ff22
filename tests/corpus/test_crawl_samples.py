"""Every file of the sample crawls, good and broken: how many documents are in it, and what is lost where.

Documents, records passed over and losses of a file add up to the records that the better of two other readers finds
in it (the table in `data/crawl/README.md`) or to more, and then the comment says why. Which of the records hold text was
told by our reader from their types and looked at where that was in doubt; it is a record of what is, not an oracle.
"""

import pytest
from assay.corpus.crawl import CrawlDocument, CrawlReader, Lost, ReadOptions
from assay.corpus.shards import plan_shards
from assay.errors import DataError

HEADER = "bad_header"
# file: (documents, losses as (offset, reason), records passed over)
EXPECTED = {
    # 299 responses: 170 with HTML or plain text; the others images, DNS, scripts, XML, redirects without a body
    "archive-org-2008.warc.gz": (170, [], 652),
    "archive-org-2013-wget.warc.gz": (15, [], 21),  # 12 of 16 responses and 3 resources (the log of wget) are text
    "block-sized-records.warc.lz4": (0, [], 3),
    "ccnet-en-head-0091.jsonl.gz": (10, [], 0),
    "commoncrawl-homepage-2019.warc.gz": (1, [], 0),
    "example.arc.gz": (1, [], 1),
    "heritrix-original.warc.gz": (1, [], 0),
    "heritrix-revisit.warc.gz": (0, [], 1),
    "multilingual-2020.warc.gz": (6, [], 13),
    "transfer_compression_brotli.warc.gz": (2, [], 3),
    "transfer_compression_gzip.warc.gz": (2, [], 3),
    "wget-2024-cc-ai2.warc.gz": (17, [], 17),
    "whirlwind.warc.gz": (1, [], 3),
    "whirlwind.warc.wat.gz": (0, [], 2),
    "whirlwind.warc.wet.gz": (1, [], 1),
    "wikipedia-mona-lisa-2013.warc.gz": (5, [], 77),
    # twelve members, then 34 bytes that are no gzip: one stretch
    "malformed/gowarc__corrupted-mid-record.warc.gz.open": (12, [(1219, "damaged_member")], 0),
    # every header is there and empty: a record without a length or a body
    "malformed/jhove__invalid-warcfile-fields-missing.warc": (0, [(0, HEADER)], 0),
    # six warcinfo records (FastWARC: 3, warcio: 1), two without Content-Length: none of them text
    "malformed/jhove__invalid-warcrecord-1.warc": (0, [(0, HEADER), (407, HEADER)], 4),
    # DNS answers under headers in lower and upper case: read (FastWARC: 1 of 5 records), and no text
    "malformed/jhove__valid-warcfile-upper-lower-case.warc": (0, [], 5),
    "malformed/wac__mutliple-headers.warc": (1, [], 0),  # a page with an empty body: an empty text
    # lengths -1, -1, 1, abc: one record has a length, and its one byte is a line end
    "malformed/warcio__bad.arc": (1, [(0, HEADER), (134, HEADER), (262, HEADER)], 0),
    "malformed/warcio__example-bad-non-chunked.warc.gz": (1, [], 5),  # warcio: 1 record of 6
    "malformed/warcio__example-space-in-target-uri.warc.gz": (0, [], 2),
    "malformed/warcio__example-trunc.warc": (1, [], 3),  # a length two bytes too short; FastWARC ends at it
    "malformed/warcio__example-wrong-chunks.warc.gz": (1, [], 1),  # claims chunks, has none; warcio ends at it
}


def read(path):
    reader = CrawlReader(plan_shards([str(path)]).shards[0], ReadOptions())
    items = list(reader)
    return items, reader


def test_the_table_names_every_file(shared):
    folder = shared / "data" / "crawl"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*EXPECTED, "README.md"}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_gives_its_documents_and_names_its_losses(shared, name):
    items, reader = read(shared / "data" / "crawl" / name)
    documents = [item for item in items if isinstance(item, CrawlDocument)]
    losses = [(item.offset, item.reason) for item in items if isinstance(item, Lost)]
    assert (len(documents), losses, reader.passed.total()) == EXPECTED[name]
    for item in items:
        assert "\n" not in item.id
        if isinstance(item, Lost):
            assert "\n" not in item.message


@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_resumes_at_every_item(shared, name):
    shard = plan_shards([str(shared / "data" / "crawl" / name)]).shards[0]
    reader = CrawlReader(shard, ReadOptions())
    positions = []
    items = []
    for item in reader:
        items.append(item)
        positions.append(reader.position())
    step = 1 if len(items) < 30 else 57
    for k in range(0, len(items), step):
        again = CrawlReader(shard, ReadOptions(), positions[k])
        assert list(again) == items[k + 1 :], k
        assert again.passed == reader.passed


def test_the_folder_mixes_formats_and_says_which(shared):
    folder = str(shared / "data" / "crawl")
    with pytest.raises(DataError, match="mixes formats: 23 warc, 2 arc, 1 jsonl; name one with --format"):
        plan_shards([folder])
    plan = plan_shards([folder], format="warc")
    assert len(plan.shards) == 23
    assert [path[len(folder) + 1 :] for path, _ in plan.refused] == [
        "README.md",
        "ccnet-en-head-0091.jsonl.gz",
        "example.arc.gz",
        "malformed/warcio__bad.arc",
    ]


def test_the_texts_are_those_of_the_pages(shared):
    def words(name, part):
        found = [item for item in read(shared / "data" / "crawl" / name)[0] if isinstance(item, CrawlDocument)]
        return any(part in item.text for item in found)

    assert words("malformed/warcio__example-wrong-chunks.warc.gz", "This domain is established to be used for")
    assert words("malformed/warcio__example-trunc.warc", "This domain is established to be used for")
    assert words("malformed/gowarc__corrupted-mid-record.warc.gz.open", "Synthetic Test Content 11")
    assert words("example.arc.gz", "Example Domain")
    assert words("multilingual-2020.warc.gz", "中山英才网")
    assert words("ccnet-en-head-0091.jsonl.gz", " the ")
    wget = read(shared / "data" / "crawl" / "wget-2024-cc-ai2.warc.gz")[0]
    assert not [item for item in wget if item.text[:4] == "7d72"]  # chunk sizes are not text
    assert all(item.url.startswith(("http", "metadata:")) for item in wget)  # no angle brackets
