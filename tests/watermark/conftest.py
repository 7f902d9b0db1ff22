"""What the tests of marks share: one thread, public keys, the embedded model, a mark on its tokenizer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from assay.models import EMBEDDED, embedded_path
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.model import CausalModel, load_model
from assay.watermark.profile import LoadedMark, Profile, build_mark
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Run torch on one thread: two that fight for a busy core are ten times as slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture(scope="session")
def embedded() -> CausalModel:
    return load_model(EMBEDDED, str(embedded_path()), device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def tokenizer() -> TextTokenizer:
    return load_tokenizer(str(embedded_path()))


@pytest.fixture(scope="session")
def profile_of(tokenizer: TextTokenizer) -> Callable[..., Profile]:
    """Return a maker of profiles for the embedded tokenizer."""

    def make(mark: GreenList, **changes: object) -> Profile:
        named = {"key_file": "mark.key", "key_fingerprint": mark.key.fingerprint, "model": EMBEDDED}
        ids = {"tokenizer_fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.vocab_size}
        return Profile(**{"scheme": mark.scheme, "parameters": mark.parameters, **named, **ids, **changes})

    return make


@pytest.fixture(scope="session")
def loaded_of(profile_of: Callable[..., Profile]) -> Callable[..., LoadedMark]:
    """Return a maker of marks with their profile, as `load_mark` would read them."""

    def make(mark: GreenList, **changes: object) -> LoadedMark:
        profile = profile_of(mark, **changes)
        return LoadedMark(Path("mark.toml"), profile, build_mark(profile, mark.key))

    return make
