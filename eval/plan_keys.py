"""What stands behind the names of a plan, as fingerprints: texts, models, prompts. The store's keys and the report's signature are made of them.

A model in a folder is its config, tokenizer and weights, hashed; one of the hub its commit. The hash of a file is kept while the process
runs: gigabytes take a while.
"""

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assay.models import resolve

from .plan import Plan
from .plan_grid import Keys

_PACKAGES = ("numpy", "pyarrow", "safetensors", "scipy", "tokenizers", "torch", "transformers")


def plan_keys(plan: Plan) -> Keys:
    """Return the fingerprints of everything a plan names.

    Raises:
        AssayError: in one line, if something cannot be read.
    """
    from .cut_texts import tokenizer_of
    from .text_sets import fingerprint

    return Keys(
        texts={spec.name: fingerprint(spec) for spec in plan.texts},
        models={(one.model, one.revision): model_fingerprint(one.model, one.revision) for one in plan.generate},
        prompts={one.prompts: _sha256(Path(one.prompts)) for one in plan.generate if one.prompts},
        tokenizer=tokenizer_of(plan.head.tokenizer).fingerprint,
        encoder=model_fingerprint(plan.head.encoder, any_model=True) if plan.head.encoder else "",
    )


def model_fingerprint(model: str, revision: str = "", *, any_model: bool = False) -> str:
    """Return the hub commit of a model, or the SHA-256 of its files.

    Args:
        model: folder, hub id or `embedded`.
        revision: of a hub model.
        any_model: whether other than causal models are meant (a sentence encoder).

    Raises:
        ModelError: if it cannot be found.
    """
    from assay.watermark.hub import hub_folder, local_folder
    from assay.watermark.inspection import find_model

    source = resolve(model)
    if any_model:
        local = local_folder(source)
        folder, on_hub = (local, False) if local else (hub_folder(source, revision or None), True)
    else:
        found = find_model(source, revision or None)
        folder, on_hub = found.folder, found.on_hub
    if on_hub:
        return f"commit:{folder.name}"  # the cache names its folders by commit
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix == ".safetensors" or path.name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            digest.update(f"{path.name} {_sha256(path)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that figures depend on."""
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def model_records(plan: Plan) -> dict[str, Any]:
    """Return what the report says of each model: name, and commit or hash."""
    records: dict[str, Any] = {}
    for one in plan.generate:
        records[one.model] = {
            "fingerprint": model_fingerprint(one.model, one.revision),
            "revision": one.revision or None,
        }
    for role, name in (("judge", plan.head.judge), ("encoder", plan.head.encoder)):
        if name:
            records[name] = {**records.get(name, {}), "role": role,
                             "fingerprint": model_fingerprint(name, any_model=role == "encoder")}  # fmt: skip
    return records


def _sha256(path: Path) -> str:
    at = path.stat()
    return _hashed(path, at.st_size, at.st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
