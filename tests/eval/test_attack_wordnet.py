"""Synonyms from WordNet: nltk's own reader over a WordNet of a few words in WordNet's file format, and one line where the data is not there. Real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nltk", reason="needs nltk, which the extra `wordnet` brings")

SENSES = {  # part of speech: senses, most frequent first
    "noun": [["boat", "Vessel", "small_boat"], ["boat", "gravy_holder"], ["quay", "wharf"]],
    "verb": [["boat", "sail"]],
    "adj": [["quick", "fast", "speedy"]],
    "adv": [],
}
LETTER = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
HEAD = "  1 WordNet 9.9 Copyright 2000 nobody; made for a test\n"


def write_wordnet(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("cntlist.rev", "index.sense", "noun.exc", "verb.exc", "adj.exc", "adv.exc"):
        (folder / name).write_text("")
    (folder / "lexnames").write_text("00\tadj.all\t3\n")
    for pos, senses in SENSES.items():
        data, places = HEAD, {}
        for words in senses:
            offset = len(data)
            listed = " ".join(f"{word} 0" for word in words)
            frames = " 00" if pos == "verb" else ""
            data += f"{offset:08d} 00 {LETTER[pos]} {len(words):02x} {listed} 000{frames} | a sense\n"
            for word in words:
                places.setdefault(word.lower(), []).append(f"{offset:08d}")
        (folder / f"data.{pos}").write_text(data)
        lines = [f"{w} {LETTER[pos]} {len(at)} 0 {len(at)} 0 {' '.join(at)}  \n" for w, at in sorted(places.items())]
        (folder / f"index.{pos}").write_text(HEAD + "".join(lines))


def attack(home: Path, program: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NLTK_DATA": str(home), "HOME": str(home), "OMP_NUM_THREADS": "1"}
    head = "from assay.eval.attack import make_attack, attack_texts\nfrom assay.eval.synonyms import wordnet_synonyms, has_wordnet\n"
    return subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, env=environment, check=False
    )


def test_synonyms_of_the_first_sense_of_each_part_of_speech(tmp_path: Path) -> None:
    """Of `boat`: vessel (first noun sense), sail (verb); the second noun sense and names of several words are left out."""
    write_wordnet(tmp_path / "corpora" / "wordnet")
    program = """
import json
made = make_attack("synonyms", {"neighbours": 2})
found = {"boat": wordnet_synonyms("boat", 8), "one": wordnet_synonyms("boat", 1), "quick": wordnet_synonyms("quick", 8), "other": wordnet_synonyms("from", 8)}
texts = {attack_texts(made, ["Boat at the QUAY, boats"], 1.0, ["a"], seed)[0] for seed in range(40)}
half = attack_texts(make_attack("synonyms", {"lexicon": "wordnet"}), ["quay x " * 400], 0.5, ["a"])[0].count("wharf")
print(json.dumps([found, sorted(texts), half, made.signature()]))
"""
    done = attack(tmp_path, program)
    assert done.returncode == 0, done.stderr
    found, texts, half, signature = json.loads(done.stdout)
    assert found == {"boat": ["vessel", "sail"], "one": ["vessel"], "quick": ["fast", "speedy"], "other": []}
    assert texts == [
        "Sail at the WHARF, sail",
        "Sail at the WHARF, vessel",
        "Vessel at the WHARF, sail",
        "Vessel at the WHARF, vessel",
    ]
    assert 140 < half < 260, "400 of probability one half: beyond six sigma"
    assert signature["used"] == "wordnet"
    assert signature["wordnet"] == "9.9"


def test_without_its_data_auto_takes_the_model_and_wordnet_is_one_line(tmp_path: Path) -> None:
    done = attack(
        tmp_path,
        "print(has_wordnet(), make_attack('synonyms').signature()['used'])\nmake_attack('synonyms', {'lexicon': 'wordnet'}).check()",
    )
    assert done.stdout.strip() == "False model"
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(
        "assay.errors.DataError: nltk has no WordNet data here; install it (python -m nltk.downloader wordnet), or take lexicon=model"
    )


def test_without_nltk_it_is_one_line_too(tmp_path: Path) -> None:
    program = "import sys\nsys.modules['nltk'] = None\nassert not has_wordnet()\nmake_attack('synonyms', {'lexicon': 'wordnet'}).check()"
    assert (
        "DataError: WordNet needs nltk, which is not installed; pip install 'assay[wordnet]'"
        in attack(tmp_path, program).stderr
    )
