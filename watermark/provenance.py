"""What is recorded with every generated text: which model, which settings, which mark, by which versions, when.

Names follow W3C PROV and the IPTC digital source types where they have one. The key appears as its fingerprint only. The time is the
date on which the run began, so that a run that was interrupted and resumed writes the same records as one that was
not; `SOURCE_DATE_EPOCH` overrides it (reproducible-builds.org).
"""

import os
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import assay

from .model import CausalModel
from .profile import LoadedMark


def run_date() -> str:
    """Return today's date (UTC, RFC 3339 full-date), or that of `SOURCE_DATE_EPOCH`."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.date().isoformat()


def provenance(
    model: CausalModel, loaded: LoadedMark | None, settings: dict[str, Any], created_at: str
) -> dict[str, Any]:
    """Return the record of one text.

    Args:
        model: what wrote it.
        loaded: the mark it carries, or None.
        settings: decoding settings.
        created_at: date of the run.
    """
    return {
        "source_type": "trainedAlgorithmicMedia",
        "activity": "generate",
        "created_at": created_at,
        "generator": {
            "model": model.name,
            "revision": model.revision,
            "tokenizer": model.text_tokenizer.fingerprint,
            "dtype": str(model.model.dtype).removeprefix("torch."),
            **settings,
        },
        "watermark": None if loaded is None else watermark_record(loaded),
        "versions": {"assay": assay.__version__, "torch": version("torch"), "transformers": version("transformers")},
    }


def watermark_record(loaded: LoadedMark) -> dict[str, Any]:
    """Return the public facts of a mark."""
    profile = loaded.profile
    return {
        "scheme": profile.scheme,
        "version": profile.version,
        **loaded.mark.parameters,
        "skip_common": profile.skip_common,
        "profile": profile.fingerprint,
        "key_id": profile.key_fingerprint,
    }
