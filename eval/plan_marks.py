"""The marks of a plan: read from their profiles, or made once for an output folder and kept there.

A made mark lies in OUT/marks as NAME-XXXXXXXX.toml, the digits naming its parameters, with its key (mode 0600) beside it. The same folder keeps the same key
however often a run is killed and resumed; another folder has another. Keys are never printed, and the store holds only fingerprints.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError, DataError
from assay.models import resolve

from .plan import GenerateSpec, MarkSpec
from .plan_tables import nearest
from .store import canonical_sha256

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark, Profile


def mark_model(mark: MarkSpec, generations: Sequence[GenerateSpec]) -> str:
    """Return the model whose tokenizer a made mark is for: its own, or that of the first generation that uses it."""
    return mark.model or next((one.model for one in generations if mark.name in one.marks), "embedded")


def check_mark(mark: MarkSpec, model: str) -> "LoadedMark":
    """Return the mark, or for one that the run will make, one like it under a key that is thrown away.

    Raises:
        AssayError: in one line, if the profile or key cannot be read, or scheme, parameters or model cannot be used.
    """
    from assay.watermark.common import list_fingerprint
    from assay.watermark.key import new_key
    from assay.watermark.profile import LoadedMark, build_mark, load_mark

    if bool(mark.profile) == bool(mark.scheme):
        got = "both" if mark.profile else "neither"
        raise DataError(f"needs either profile (a file) or scheme (then the run makes the mark), got {got}")
    if mark.profile:
        if mark.parameters or mark.model:
            raise DataError("a profile has its own parameters and model; leave out those of the plan")
        return load_mark(mark.profile)
    from dataclasses import replace

    from assay.watermark.schemes import scheme_names

    if mark.scheme not in scheme_names():
        raise DataError(f"unknown scheme {mark.scheme!r}; {nearest(mark.scheme, scheme_names())}")
    key = new_key()
    draft = _draft(mark, model)
    profile = replace(
        draft, key_fingerprint=key.fingerprint, skip_common_fingerprint=list_fingerprint(draft.skip_common, Path())
    )
    try:
        made = build_mark(profile, key)
    except ValueError as error:
        raise DataError(f"scheme {mark.scheme!r}: {error}") from None
    return LoadedMark(Path(f"{mark.name}.toml"), replace(profile, parameters=made.parameters), made)


def mark_paths(marks: Sequence[MarkSpec], generations: Sequence[GenerateSpec], out: Path) -> dict[str, Path]:
    """Return the profile of every mark, making in `out` those that are not there yet; under the lock of the folder.

    Raises:
        AssayError: in one line, if one cannot be made.
    """
    found: dict[str, Path] = {}
    for mark in marks:
        found[mark.name] = Path(mark.profile) if mark.profile else _made(mark, generations, out)
    return found


def mark_records(marks: Mapping[str, "LoadedMark"]) -> dict[str, Any]:
    """Return what a report says of each mark: scheme, parameters, fingerprints; no key and no path."""
    from assay.watermark.provenance import watermark_record

    return {name: watermark_record(loaded) for name, loaded in sorted(marks.items())}


def _draft(mark: MarkSpec, model: str) -> "Profile":
    from assay.watermark.profile import Profile
    from assay.watermark.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(resolve(model))
    return Profile(
        scheme=mark.scheme,
        parameters=dict(mark.parameters),
        key_file="",
        key_fingerprint="",
        model=model,
        tokenizer_fingerprint=tokenizer.fingerprint,
        vocab_size=tokenizer.vocab_size,
        min_tokens=mark.min_tokens,
        skip_common=mark.skip_common,
        normaliser=_normaliser() if mark.normalise else "",
    )


def _normaliser() -> str:
    from assay.detect.normalise import VERSION

    return VERSION


def made_path(mark: MarkSpec, generations: Sequence[GenerateSpec], out: Path) -> Path:
    """Return where a mark that the run makes lies in `out`, made or not."""
    what = [
        mark.scheme,
        dict(mark.parameters),
        mark_model(mark, generations),
        mark.min_tokens,
        mark.skip_common,
        mark.normalise,
    ]
    return out / f"{mark.name}-{canonical_sha256(what)[:8]}.toml"


def _made(mark: MarkSpec, generations: Sequence[GenerateSpec], out: Path) -> Path:
    """Return the profile in `out`; a kill between key and profile leaves a key that marked nothing, which is drawn again."""
    from assay.watermark.profile import new_mark

    path = made_path(mark, generations, out)
    if path.exists():
        return path
    try:
        out.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=out, prefix="making-") as folder:
            new_mark(Path(folder) / path.name, _draft(mark, mark_model(mark, generations)))
            os.replace(Path(folder) / path.with_suffix(".key").name, path.with_suffix(".key"))
            os.replace(Path(folder) / path.name, path)
    except OSError as error:
        raise DataError(f"cannot make the mark {mark.name!r} in {out}: {error.strerror or error}") from None
    except AssayError as error:
        raise DataError(f"cannot make the mark {mark.name!r}: {error}") from None
    return path
