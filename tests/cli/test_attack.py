"""`assay attack` as a user runs it: a record a text, what was done to it, one line for each mistake, and the others go on. Real processes throughout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SENTENCE = (
    "The keeper of the light wrote in his book that the wind had turned in the night and that the sea was rising. "
)


def attack(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [ASSAY, "attack", *arguments], cwd=cwd, input=stdin, capture_output=True, env=ENVIRONMENT, check=False
    )


def one_line(result: subprocess.CompletedProcess[bytes], *words: str, code: int = 1) -> None:
    said = result.stderr.decode().strip()
    assert result.returncode == code, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("assay: ")
    assert result.stdout == b""
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"


def test_every_text_gets_its_record_in_order_and_broken_ones_say_where(tmp_path: Path) -> None:
    lines = [
        b'{"id": "cut", "body": "half a li',
        b'{"id": "none"}',
        b'{"id": "empty", "body": ""}',
        json.dumps({"id": 7, "body": SENTENCE * 20, "source": "kept", "attack": "dipper"}).encode(),
        json.dumps({"body": SENTENCE * 20}).encode(),
    ]
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join(lines))
    result = attack(
        "delete",
        "absent.jsonl",
        "mixed.jsonl",
        "--text-field",
        "body",
        "--strength",
        "0.25",
        "--seed",
        "3",
        cwd=tmp_path,
    )
    assert result.returncode == 1, "a file could not be opened"
    said = result.stderr.decode().splitlines()
    assert len(said) == 4, said
    assert "absent.jsonl" in said[0]
    assert said[1].startswith("assay: mixed.jsonl:1: not JSON")
    assert said[2].startswith('assay: mixed.jsonl:2: field "body" is missing')
    assert said[3].startswith("assay: delete at strength 0.25, seed 3: 3 texts attacked; mean token edit rate 0.2")
    assert said[3].endswith("emptied 0, unchanged 1; could not be read 2")
    empty, seven, unnamed = (json.loads(line) for line in result.stdout.splitlines())
    assert (empty["id"], empty["body"], empty["attack"]["token_edit_rate"]) == ("empty", "", None)
    assert (seven["id"], seven["source"], unnamed["id"]) == (7, "kept", "mixed.jsonl:5")
    assert seven["attack"].pop("before") == "dipper"
    words, left = SENTENCE.split() * 20, seven["body"].split()
    assert seven["attack"].pop("ngram_survival")[0] <= 1.0
    assert seven["attack"] == {
        "name": "delete", "strength": 0.25, "seed": 3, "options": {}, "emptied": False, "similarity": None,
        "token_edit_rate": pytest.approx((len(words) - len(left)) / len(words), abs=1e-4), "length_ratio": pytest.approx(len(left) / len(words), abs=1e-4),
    }  # fmt: skip
    assert unnamed["body"] != seven["body"], "another id is another seed"


def test_the_result_is_that_of_the_library_and_attacks_can_be_piped(tmp_path: Path) -> None:
    from assay.eval.attack import attack_texts, make_attack

    first = attack("case", cwd=tmp_path, stdin=json.dumps({"id": "a", "text": SENTENCE * 9}).encode())
    again = attack(
        "synonyms",
        "-",
        "--option",
        "lexicon=model",
        "--option",
        "neighbours=2",
        "--out",
        "out.jsonl",
        cwd=tmp_path,
        stdin=first.stdout,
    )
    assert again.returncode == 0
    assert again.stdout == b""
    record = json.loads((tmp_path / "out.jsonl").read_text())
    once = attack_texts(make_attack("case"), [SENTENCE * 9], 0.05, ["a"])
    assert [record["text"]] == attack_texts(
        make_attack("synonyms", {"lexicon": "model", "neighbours": 2}), once, 0.5, ["a"]
    )
    assert record["attack"]["options"]["neighbours"] == 2
    assert record["attack"]["before"]["name"] == "case"
    assert record["attack"]["before"]["strength"] == 0.05, "the middle one of the usual strengths"


def test_similarity_where_an_encoder_is_named(tmp_path: Path) -> None:
    stdin = json.dumps({"id": "a", "text": SENTENCE}).encode()
    result = attack("delete", "--encoder", "embedded", "--strength", "0", cwd=tmp_path, stdin=stdin)
    record = json.loads(result.stdout)
    assert record["text"] == SENTENCE
    assert record["attack"]["similarity"] == pytest.approx(1.0, abs=1e-4)
    assert b"similarity 1.000" in result.stderr


def test_the_list_has_every_attack(tmp_path: Path) -> None:
    from assay.eval.attack import attack_names

    rows = [json.loads(line) for line in attack("--list", cwd=tmp_path).stdout.splitlines()]
    assert [row["attack"] for row in rows] == attack_names()
    row = next(row for row in rows if row["attack"] == "synonyms")
    assert row["options"] == {"lexicon": "auto", "neighbours": 8}
    assert row["strengths"] == [0.2, 0.5, 0.8]
    assert row["strength_is"].startswith("share of the words")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["deleet"], ("unknown attack 'deleet'; did you mean 'delete'? known: case, ",)),
        (["delete", "--strength", "1.5"], ("strength of attack 'delete' must be from 0 to 1, got 1.5",)),
        (["delete", "--strength", "nan"], ("must be from 0 to 1, got nan",)),
        (["synonyms", "--option", "neighbors=2"], ("has no option 'neighbors'; did you mean 'neighbours'?",)),
        (["synonyms", "--option", "neighbours=many"], ("must be a whole number, got 'many'",)),
        (["interleave"], ("attack 'interleave'", "generat")),
        (["delete", "--encoder", "no-such-folder/x/y"], ("no such folder",)),
        (["delete", "--out", "absent/out.jsonl"], ("cannot write to absent/out.jsonl",)),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], words: tuple[str, ...]) -> None:
    one_line(attack(*arguments, cwd=tmp_path, stdin=b'{"text": "a b"}'), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no attack named"),
        (["delete", "--option", "typos"], "must be KEY=VALUE, got 'typos'"),
        (["misspell", "--option", "typos=no", "--option", "typos=yes"], "typos is given twice"),
        (["delete", "in.jsonl", "--out", "in.jsonl"], "in.jsonl is read too"),
        (["delete", "--strength", "half"], "is not a valid float"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "kept"}\n')
    result = attack(*arguments, cwd=tmp_path, stdin=b'{"text": "a"}')
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert (tmp_path / "in.jsonl").read_text() == '{"text": "kept"}\n'


def test_what_is_emptied_is_kept_and_counted(tmp_path: Path) -> None:
    result = attack(
        "delete", "--strength", "1", cwd=tmp_path, stdin=b'{"id": 1, "text": "all gone"}\n{"id": 2, "text": " "}\n'
    )
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["text"], row["attack"]["emptied"]) for row in rows] == [("", True), (" ", False)]
    assert result.stderr.decode().strip().endswith("emptied 1, unchanged 1")


def test_help_and_a_model_free_attack_import_nothing_heavy(tmp_path: Path) -> None:
    heavy = "{'torch', 'transformers', 'scipy', 'numba', 'pyarrow', 'matplotlib', 'datasets', 'nltk'}"
    for arguments, more in ((["--help"], "| {'numpy'}"), (["delete", "in.jsonl"], "")):
        (tmp_path / "in.jsonl").write_text('{"text": "a b c"}\n')
        code = (
            f"import sys\nsys.argv = ['assay', 'attack', *{arguments!r}]\nfrom assay.cli.main import main\n"
            f"try:\n    main()\nexcept SystemExit:\n    pass\nprint('HEAVY', sorted(({heavy} {more}) & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT, check=True
        )
        assert done.stdout.splitlines()[-1] == "HEAVY []", (arguments, done.stdout[-300:])
