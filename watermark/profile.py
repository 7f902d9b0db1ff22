"""A mark's public face: `mark.toml`, which may be shown to anyone, beside `mark.key`, which may not.

    [mark]       what is done to the logits, under which version of the hash contract
    [key]        where the secret lies and its fingerprint
    [tokenizer]  the ids the mark is defined on
    [detection]  how a text is tested by default

A profile is checked once, on reading. Names and numbers that are not known are refused and not ignored: a misspelt
`gama` would otherwise test against the wrong law.
"""

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from assay.errors import BadKey, BadProfile, TokenizerMismatch

from .common import list_fingerprint
from .hashing import VERSION
from .key import Key, key_paths, new_key, read_key, write_key, write_new
from .schemes import Mark, scheme_class
from .tokenizer import TextTokenizer

SUFFIX = ".toml"
DEFAULT_MIN_TOKENS = 20


@dataclass(frozen=True)
class Profile:
    """The public description of a mark.

    Attributes:
        scheme: name in the registry.
        parameters: the scheme's numbers, as written under [mark].
        key_file: name of the key file, relative to the profile.
        key_fingerprint: which key it must hold.
        model: model whose tokenizer the mark was made for: folder, hub id or `embedded`.
        tokenizer_fingerprint: how text must be read.
        vocab_size: number of the tokenizer's ids (information: the contract does not depend on it).
        min_tokens: fewer scored pairs than this abstain.
        skip_common: list of common word sequences that are neither marked nor scored: a shipped name, a file beside the profile,
            or `none`.
        skip_common_fingerprint: which content it must have; empty for a profile that was never written.
        prompt_in_context: that the prompt's last tokens are context of the first ones written, as in `generate()`.
        normaliser: version of the normaliser that texts go through before they are tested; empty for none, and then not in
            the file.
        version: version of the hash contract.
    """

    scheme: str
    parameters: dict[str, Any]
    key_file: str
    key_fingerprint: str
    model: str
    tokenizer_fingerprint: str
    vocab_size: int
    min_tokens: int = DEFAULT_MIN_TOKENS
    skip_common: str = "en-1"
    skip_common_fingerprint: str = ""
    prompt_in_context: bool = True
    normaliser: str = ""
    version: str = field(default=VERSION)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name what is marked, with which key, on which ids (not file names or defaults)."""
        numbers = {k: float(v) if type(v) is int else v for k, v in self.parameters.items()}  # 2 and 2.0 are one delta
        essence = [self.version, self.scheme, numbers, self.key_fingerprint, self.tokenizer_fingerprint]
        essence.append(self.skip_common_fingerprint)
        essence += [self.normaliser] if self.normaliser else []  # as the tokenizer does, it says how a text is read
        canonical = json.dumps(essence, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]


@dataclass(frozen=True)
class LoadedMark:
    """A profile with its mark, key inside: what generation and detection work with."""

    path: Path
    profile: Profile
    mark: Mark

    @property
    def name(self) -> str:
        """The profile's file name without its ending, for output."""
        return self.path.stem


def build_mark(profile: Profile, key: Key) -> Mark:
    """Return the mark of a profile and its key.

    Raises:
        BadKey: if the key is not the profile's.
        BadProfile: if the scheme or a parameter is unknown or out of range.
    """
    if key.fingerprint != profile.key_fingerprint:
        raise BadKey(
            f"the key's fingerprint is {key.fingerprint}, the profile expects {profile.key_fingerprint}; "
            "name the right key file (ASSAY_KEY_FILE overrides the profile's)"
        )
    scheme = scheme_class(profile.scheme)
    try:
        return cast(Mark, scheme(key=key, **profile.parameters))
    except TypeError as error:
        raise BadProfile(f"scheme {profile.scheme!r}: {str(error).split(') ')[-1].split('() ')[-1]}") from None


def load_mark(path: str | Path) -> LoadedMark:
    """Read a profile and its key.

    Raises:
        BadProfile, BadKey: in one line, if either cannot be read or they do not belong together.
    """
    path = Path(path)
    profile = read_profile(path)
    key = find_key(path, profile)
    try:
        return LoadedMark(path, profile, build_mark(profile, key))
    except (BadProfile, BadKey) as error:
        raise type(error)(f"profile {path}: {error}") from None


def find_key(path: Path, profile: Profile) -> Key:
    """Return the profile's key, from `ASSAY_KEY_FILE` (one file or several) or beside the profile.

    Where files named by the variable belong to other marks, the profile's own key file counts too.

    Raises:
        BadKey: if a file cannot be used. A wrong key is returned, for `build_mark` to name.
    """
    named = key_paths(path, profile.key_file)
    own = path.parent / profile.key_file
    first: Key | None = None
    for file in [*named, *([own] if own not in named and own.exists() else [])]:
        key = read_key(file)
        if key.fingerprint == profile.key_fingerprint:
            return key
        first = first or key
    return first or read_key(own)


def check_tokenizer(loaded: LoadedMark, tokenizer: TextTokenizer, named: str) -> None:
    """Refuse a tokenizer that is not the one the mark was made for.

    Args:
        loaded: the mark.
        tokenizer: the tokenizer at hand.
        named: the model it is said to belong to, for the message.

    Raises:
        TokenizerMismatch: naming the tokenizer expected and the one found.
    """
    expected = loaded.profile.tokenizer_fingerprint
    if tokenizer.fingerprint != expected:
        raise TokenizerMismatch(
            f"profile {loaded.path} expects the tokenizer of {loaded.profile.model!r} (fingerprint {expected}), "
            f"got that of {named!r} (fingerprint {tokenizer.fingerprint}, {tokenizer.vocab_size} ids); "
            "name the model that the mark was made for with --model, or make a new mark for this one"
        )


def read_profile(path: Path) -> Profile:
    """Read and check a profile, without its key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadProfile(f"profile {path} does not exist; make one with `assay mark new {path}`") from None
    except OSError as error:
        raise BadProfile(f"cannot read profile {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadProfile(f"profile {path} is not TOML: {error}") from None
    try:
        return _parse(content)
    except BadProfile as error:
        raise BadProfile(f"profile {path}: {error}") from None


def new_mark(path: Path, profile_without_key: Profile) -> LoadedMark:
    """Draw a key and write `path` and the key file beside it; overwrite nothing.

    `profile_without_key` gives everything but the key's name and fingerprint.

    Raises:
        BadProfile, BadKey: if either file exists or cannot be written, or the parameters are out of range.
    """
    if path.suffix != SUFFIX:
        raise BadProfile(f"a profile's name must end in {SUFFIX}, got {path}")
    key, key_file = new_key(), path.with_suffix(".key")
    profile = replace(profile_without_key, key_file=key_file.name, key_fingerprint=key.fingerprint)
    mark = build_mark(profile, key)
    common = list_fingerprint(profile.skip_common, path.parent)
    profile = replace(profile, skip_common_fingerprint=common)
    profile = replace(profile, parameters=mark.parameters)  # with the defaults, which a later version may change
    try:
        content = to_toml(profile).encode("utf-8")
    except UnicodeEncodeError:
        raise BadProfile(f"cannot write profile {str(path)!r}: a name in it is not Unicode; rename that file") from None
    if path.exists():
        raise BadProfile(f"{path} exists: a profile is never overwritten; choose another name")
    write_key(key, key_file)
    try:
        write_new(path, content, 0o666)
    except OSError as error:
        os.unlink(key_file)  # the key of a mark that was never announced: nothing can have been marked with it
        raise BadProfile(f"cannot write profile {path}: {error.strerror}") from None
    return LoadedMark(path, profile, mark)


def to_toml(profile: Profile) -> str:
    """Return the profile as TOML."""
    tables: dict[str, dict[str, Any]] = {
        "mark": {"version": profile.version, "scheme": profile.scheme, **profile.parameters},
        "key": {"file": profile.key_file, "fingerprint": profile.key_fingerprint},
        "tokenizer": {
            "model": profile.model,
            "fingerprint": profile.tokenizer_fingerprint,
            "vocab_size": profile.vocab_size,
        },
        "detection": {
            "min_tokens": profile.min_tokens,
            "skip_common": profile.skip_common,
            "skip_common_fingerprint": profile.skip_common_fingerprint,
            "prompt_in_context": profile.prompt_in_context,
            **({"normaliser": profile.normaliser} if profile.normaliser else {}),
        },
    }
    lines = ["# A public description of a mark: share it with whoever detects. The key beside it is secret."]
    for table, values in tables.items():
        lines += [
            "",
            f"[{table}]",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()),
        ]
    return (
        "\n".join(lines).replace("\x7f", "\\u007f") + "\n"
    )  # the one character that JSON leaves as it is and TOML forbids


_FIELDS: dict[str, dict[str, type]] = {
    "key": {"file": str, "fingerprint": str},
    "tokenizer": {"model": str, "fingerprint": str, "vocab_size": int},
    "detection": {"min_tokens": int, "skip_common": str, "skip_common_fingerprint": str, "prompt_in_context": bool},
}
_OPTIONAL: dict[str, dict[str, type]] = {"detection": {"normaliser": str}}


def _parse(content: dict[str, Any]) -> Profile:
    for name in content:
        if name not in ("mark", *_FIELDS):
            raise BadProfile(f"{name} is unknown; expected the tables mark, {', '.join(_FIELDS)}")
    for table in ("mark", *_FIELDS):
        if not isinstance(content.get(table), dict):
            raise BadProfile(f"table [{table}] is missing")
    for table, fields in _FIELDS.items():
        _check_fields(table, content[table], fields)
    mark = dict(content["mark"])
    version, scheme = mark.pop("version", None), mark.pop("scheme", None)
    if version != VERSION:
        raise BadProfile(f"mark.version must be {VERSION!r}, got {version!r}; a newer Assay may read it")
    if not isinstance(scheme, str):
        raise BadProfile(f"mark.scheme must be a name, got {scheme!r}")
    key, tokenizer, detection = content["key"], content["tokenizer"], content["detection"]
    if detection["min_tokens"] < 1:
        raise BadProfile(f"detection.min_tokens must be at least 1, got {detection['min_tokens']}")
    if not detection["prompt_in_context"]:
        raise BadProfile("detection.prompt_in_context must be true: this version has no generation without it")
    return Profile(
        scheme=scheme,
        parameters=mark,
        key_file=key["file"],
        key_fingerprint=key["fingerprint"],
        model=tokenizer["model"],
        tokenizer_fingerprint=tokenizer["fingerprint"],
        vocab_size=tokenizer["vocab_size"],
        **detection,
    )


def _check_fields(table: str, values: dict[str, Any], fields: dict[str, type]) -> None:
    optional = {name: kind for name, kind in _OPTIONAL.get(table, {}).items() if name in values}
    for name in values:
        if name not in fields and name not in optional:
            raise BadProfile(f"{table}.{name} is unknown; expected {', '.join(fields)}")
    for name, kind in {**fields, **optional}.items():
        if name not in values:
            raise BadProfile(f"{table}.{name} is missing")
        if type(values[name]) is not kind:
            raise BadProfile(f"{table}.{name} must be of type {kind.__name__}, got {values[name]!r}")
