"""Assay inside datatrove, dolma and `datasets`, with the real libraries: their results are those of the scorer, and no key travels with a step."""

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.corpus.process_scorer import ProcessScorer, _parts
from assay.corpus.scan_columns import BatchScorer
from assay.corpus.score_options import ScoreOptions
from assay.errors import BadProfile, DataError
from assay.models import EMBEDDED, embedded_path
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import candidate_words, green
from assay.watermark.key import Key, write_key
from assay.watermark.profile import Profile, to_toml
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer

SECRET = bytes(range(7, 39))
MARK = GreenList(Key(SECRET))


def save_mark(folder: Path, mark: GreenList, tokenizer: TextTokenizer) -> str:
    """Write a profile with its key, as `mark new` does."""
    reads = EMBEDDED, tokenizer.fingerprint, tokenizer.vocab_size
    profile = Profile(mark.scheme, mark.parameters, "news.key", mark.key.fingerprint, *reads)
    (folder / "news.toml").write_text(to_toml(profile))
    (folder / "news.key").unlink(missing_ok=True)
    write_key(mark.key, folder / "news.key")
    return str(folder / "news.toml")


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return load_tokenizer(str(embedded_path()))


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, tokenizer: TextTokenizer) -> ScoreOptions:
    path = save_mark(tmp_path_factory.mktemp("mark"), MARK, tokenizer)
    return ScoreOptions(marks=(path,), languages="any", alpha=1e-6)


def written(tokenizer: TextTokenizer, seed: int, count: int, mark: GreenList | None) -> str:
    """Return random words of the vocabulary; with a mark, four of five are green."""
    import numpy as np

    vocabulary = tokenizer.backend.get_vocab().items()
    words = sorted((i, token[1:]) for token, i in vocabulary if token[0] == "Ġ" and token[1:].isalpha())
    ids, rng, found = np.array([i for i, _ in words]), np.random.default_rng(seed), []
    for _ in range(count):
        picked = int(rng.integers(len(ids)))
        if mark is not None and found and rng.random() < 0.8:
            chosen = green(candidate_words(ids[found[-1:]], ids, mark.hash_key), mark.gamma)
            picked = int(rng.choice(np.flatnonzero(chosen)))
        found.append(picked)
    return "".join(f" {words[i][1]}" for i in found)


@pytest.fixture(scope="module")
def texts(tokenizer: TextTokenizer) -> list[str]:
    """Marked, unmarked and too short, in turns."""
    made = []
    for i in range(8):
        made += [written(tokenizer, 2 * i, 120, MARK), written(tokenizer, 2 * i + 1, 120, None), "Too short."]
    return made


@pytest.fixture(scope="module")
def rows(options: ScoreOptions, texts: list[str]) -> list[dict[str, Any]]:
    """What the scorer says: the oracle of all adapters. The first of each three is detected, the last abstains."""
    found = BatchScorer(options).score(texts).to_pylist()
    assert [row["verdict"] for row in found] == ["detected", "not_detected", "abstain"] * 8
    return [{name: value for name, value in row.items() if name != "hash"} for row in found]


def test_what_is_pickled_loads_elsewhere_and_holds_no_key(options: ScoreOptions, texts: list[str], rows: Any) -> None:
    scorer = ProcessScorer.of(options)
    assert scorer.rows(texts[:3]) == rows[:3]
    packed = pickle.dumps(scorer)
    assert len(packed) < 2_000
    assert SECRET not in packed
    assert SECRET.hex().encode() not in packed.lower()
    command = "import pickle, sys; print(pickle.load(sys.stdin.buffer).rows(sys.argv[1:])[0]['log10_p'])"
    found = subprocess.run([sys.executable, "-c", command, texts[0]], input=packed, capture_output=True, check=True)
    assert float(found.stdout) == rows[0]["log10_p"]


def test_a_changed_mark_is_another_step(tmp_path: Path, tokenizer: TextTokenizer) -> None:
    options = ScoreOptions(marks=(save_mark(tmp_path, MARK, tokenizer),))
    before = ProcessScorer.of(options)
    assert before == ProcessScorer.of(options)
    save_mark(tmp_path, GreenList(Key(SECRET[::-1])), tokenizer)
    assert before != ProcessScorer.of(options)


def test_a_profile_that_is_not_there_is_told_before_any_worker_starts(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match=r"nowhere\.toml"):
        ProcessScorer.of(ScoreOptions(marks=(str(tmp_path / "nowhere.toml"),)))


def test_what_is_no_text_costs_its_own_row(options: ScoreOptions, texts: list[str], rows: Any) -> None:
    found = ProcessScorer.of(options).rows([texts[0], None, 7, texts[1]])
    assert [found[0], found[3]] == rows[:2]
    errors = [f"no_text: got {kind}, expected a string" for kind in ("NoneType", "int")]
    assert [row["error"] for row in found[1:3]] == errors
    assert [row["verdict"] for row in found[1:3]] == ["abstain", "abstain"]


def test_long_texts_are_scored_in_parts_that_cover_all() -> None:
    assert _parts([]) == []
    assert _parts(["a", "b"]) == [(0, 2)]
    long = "x" * 4_000_000
    assert _parts([long, "a", "b", long, "c"]) == [(0, 1), (1, 4), (4, 5)]


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Return what a toolkit wrote, in the order of the texts."""
    found = [
        json.loads(line) for path in folder.rglob("*.gz") for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    found += [record for path in folder.rglob("*.parquet") for record in pq.read_table(path).to_pylist()]
    return sorted(found, key=lambda record: int(record["id"][1:]))


@pytest.mark.parametrize(
    ("kind", "needs"), [("Parquet", "pyarrow"), pytest.param("Jsonl", "orjson", marks=pytest.mark.slow)]
)
def test_a_datatrove_pipeline_keeps_what_is_not_detected(
    kind: str, needs: str, tmp_path: Path, options: ScoreOptions, texts: list[str], rows: Any
) -> None:
    pytest.importorskip("datatrove", reason="datatrove is not installed")
    pytest.importorskip(needs, reason=f"datatrove reads {kind} with {needs}, which is not installed")
    from assay.corpus.datatrove_block import AssayFilter
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline import readers, writers

    (tmp_path / "documents").mkdir()
    for f in range(4):
        records = [{"id": f"d{i}", "text": texts[i], "source": "here"} for i in range(6 * f, 6 * f + 6)]
        if kind == "Jsonl":
            (tmp_path / "documents" / f"{f}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
        else:
            pq.write_table(pa.Table.from_pylist(records), tmp_path / "documents" / f"{f}.parquet")
    read, write = getattr(readers, f"{kind}Reader"), getattr(writers, f"{kind}Writer")
    step = AssayFilter(options, exclusion_writer=write(str(tmp_path / "dropped")), batch_size=4)
    pipeline = [read(str(tmp_path / "documents")), step, write(str(tmp_path / "clean"))]
    stats = LocalPipelineExecutor(pipeline, tasks=2, workers=2, logging_dir=str(tmp_path / "logs")).run()
    clean, dropped = lines_of(tmp_path / "clean"), lines_of(tmp_path / "dropped")
    assert [record["id"] for record in dropped] == [f"d{i}" for i in range(0, 24, 3)]
    assert [record["id"] for record in clean] == [f"d{i}" for i in range(24) if i % 3]
    for record in [*clean, *dropped]:
        i = int(record["id"][1:])
        assert record["metadata"]["assay"] == rows[i]
        assert record["metadata"]["source"] == "here"
        assert record["text"] == texts[i]
    assert {record["metadata"]["filter_reason"] for record in dropped} == {"assay_detected"}
    counts = {name: stat.total for name, stat in stats.stats[1].stats.items()}
    assert (counts["dropped"], counts["dropped_assay_detected"], counts["assay_abstain"]) == (8, 8, 8)


def test_a_datatrove_annotator_says_what_it_sees_and_drops_none(
    options: ScoreOptions, texts: list[str], rows: Any
) -> None:
    pytest.importorskip("datatrove", reason="datatrove is not installed")
    from assay.corpus.datatrove_block import AssayAnnotator, AssayFilter
    from datatrove.data import Document

    given = [Document(text, str(i), metadata={"n": i}) for i, text in enumerate(texts)]
    found = list(AssayAnnotator(options, batch_size=5)(iter(given)))
    assert [doc.metadata for doc in found] == [{"n": i, "assay": row} for i, row in enumerate(rows)]
    strict = AssayFilter(options, drop=("detected", "abstain"))
    assert [strict.filter(doc) for doc in found[:3]] == [(False, "assay_detected"), True, (False, "assay_abstain")]
    with pytest.raises(DataError, match="'bad' is no verdict"):
        AssayFilter(options, drop=("bad",))


def test_datatrove_metadata_is_read_as_a_scan_reads_fields(options: ScoreOptions) -> None:
    pytest.importorskip("datatrove", reason="datatrove is not installed")
    from assay.corpus.datatrove_block import AssayAnnotator
    from datatrove.data import Document

    metadata = {"language": "deu", "provenance": {"source_type": "trainedAlgorithmicMedia"}}
    (found,) = AssayAnnotator(options)(iter([Document("Kurz.", "0", metadata=metadata)]))
    assert (found.metadata["assay"]["language"], found.metadata["assay"]["declared"]) == ("de", "assay")


@pytest.mark.parametrize("workers", [None, 2])
def test_datasets_map_adds_the_columns_of_a_scan(
    workers: int | None, options: ScoreOptions, texts: list[str], rows: Any
) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    from assay.corpus.datasets_map import MapScan

    # all short ones first: a column whose first batch is all null would have no type
    order = [*range(2, 24, 3), *(i for i in range(24) if i % 3 != 2)]
    dataset = datasets.Dataset.from_list([{"text": texts[i], "i": i} for i in order])
    found = dataset.map(MapScan(options), batched=True, batch_size=4, num_proc=workers)
    assert found.column_names == ["text", "i", *rows[0]]
    kinds = [str(found.features[name].dtype) for name in ("log10_p", "tried", "verdict")]
    assert kinds == ["float64", "int16", "string"]
    for row in found:
        assert {name: None if row[name] != row[name] else row[name] for name in rows[0]} == rows[row["i"]], (
            "NaN is null"
        )


def test_datasets_map_overwrites_no_column_and_finds_its_texts(
    options: ScoreOptions, texts: list[str], rows: Any
) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    from assay.corpus.datasets_map import MapScan

    dataset = datasets.Dataset.from_list([{"body": "Kurz.", "language": "de"}, {"body": texts[0], "language": "en"}])
    with pytest.raises(DataError, match="no column 'text', but body, language; say which with text_column="):
        dataset.map(MapScan(options), batched=True)
    with pytest.raises(DataError, match="has a column 'language' already"):
        dataset.map(MapScan(options, text_column="body"), batched=True)
    scan = MapScan(options, text_column="body", language_column="language", prefix="assay.")
    found = dataset.map(scan, batched=True)
    assert found["language"] == ["de", "en"]
    assert found["assay.language"][0] == "de"
    assert found["assay.log10_p"][1] == rows[0]["log10_p"]


def test_datasets_map_gives_spans_with_their_types(options: ScoreOptions, texts: list[str]) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    from dataclasses import replace

    from assay.corpus.datasets_map import MapScan

    located = replace(options, spans=True)
    scan = MapScan(located)
    dataset = datasets.Dataset.from_list([{"text": text} for text in [*texts[2::3], *texts]])
    found = dataset.map(scan, batched=True, batch_size=4, features=scan.features(dataset.features))
    expected = BatchScorer(located).score(texts).column("greenlist:news.spans").to_pylist()
    assert found["greenlist:news.spans"][8:] == expected
    assert expected[0]
    assert expected[2] is None


def test_the_cache_of_datasets_tells_marks_apart(tmp_path: Path, tokenizer: TextTokenizer) -> None:
    pytest.importorskip("datasets", reason="datasets is not installed")
    from assay.corpus.datasets_map import MapScan
    from datasets.fingerprint import Hasher

    options = ScoreOptions(marks=(save_mark(tmp_path, MARK, tokenizer),))
    before = Hasher.hash(MapScan(options))
    assert Hasher.hash(MapScan(options)) == before
    save_mark(tmp_path, GreenList(Key(SECRET[::-1])), tokenizer)
    assert Hasher.hash(MapScan(options)) != before


@pytest.mark.slow
def test_a_dolma_tagger_writes_the_attributes_of_a_sidecar(
    tmp_path: Path, options: ScoreOptions, texts: list[str], rows: Any
) -> None:
    pytest.importorskip("dolma", reason="dolma is not installed", exc_type=ImportError)
    folder = tmp_path / "documents"
    folder.mkdir()
    with gzip.open(folder / "a.jsonl.gz", "wt") as out:
        out.writelines(json.dumps({"id": f"d{i}", "text": text, "source": "s"}) + "\n" for i, text in enumerate(texts))
    module = tmp_path / "news_tagger.py"
    module.write_text(
        "from assay.corpus.dolma_tagger import AssayTagger\n"
        "from assay.corpus.score_options import ScoreOptions\n"
        "from dolma import add_tagger\n"
        "@add_tagger('news')\n"
        "class News(AssayTagger):\n"
        f"    options = ScoreOptions(marks={options.marks!r}, languages='any', alpha=1e-6)\n"
    )
    command = ["tag", "--documents", f"{folder}/*.gz", "--taggers", "news", "--tagger_modules", str(module)]
    code = "import sys; from dolma.cli.__main__ import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", code, *command, "--experiment", "try"], check=True, capture_output=True)
    found = lines_of(tmp_path / "attributes")
    assert [record["id"] for record in found] == [f"d{i}" for i in range(24)]
    for record, text, row in zip(found, texts, rows, strict=True):
        said = {name.removeprefix("try__news__"): value for name, value in record["attributes"].items()}
        p = row["log10_p"]
        number = [] if p is None else [[0, len(text), round(p, 5)]]
        verdict = [] if row["verdict"] == "abstain" else [[0, len(text), float(row["verdict"] == "detected")]]
        assert said == {"greenlist_news__log10_p": number, "log10_p": number, "detected": verdict}


@pytest.mark.parametrize(("module", "library"), [("datatrove_block", "datatrove"), ("dolma_tagger", "dolma")])
def test_without_the_library_one_line_says_what_to_install(module: str, library: str) -> None:
    code = f"import sys; sys.modules[{library!r}] = None; import assay.corpus.{module}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: assay.corpus.{module} needs {library}; pip install {library}")
