"""Assay: mark machine-made text, find the mark again, and say how far the answer can be trusted.

The public names load on first use, so that `import assay` costs nothing:

    import assay

    decision, detections = assay.detect_text(text, "mark.toml")
    model.generate(**inputs, watermarking_config=assay.MarkConfig.for_tokenizer(assay.load_mark("mark.toml"), tokenizer))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.detect.detection import Decision, Detection, Span, Threshold
    from assay.detect.marks import MarkDetector, detect_text
    from assay.watermark.greenlist import GreenList
    from assay.watermark.hf import MarkConfig, MarkProcessor
    from assay.watermark.key import Key
    from assay.watermark.profile import LoadedMark, Profile, load_mark

__version__ = "0.1.0"

_HOMES = {
    "Decision": "detect.detection",
    "Detection": "detect.detection",
    "GreenList": "watermark.greenlist",
    "Key": "watermark.key",
    "LoadedMark": "watermark.profile",
    "MarkConfig": "watermark.hf",
    "MarkDetector": "detect.marks",
    "MarkProcessor": "watermark.hf",
    "Profile": "watermark.profile",
    "Span": "detect.detection",
    "Threshold": "detect.detection",
    "detect_text": "detect.marks",
    "load_mark": "watermark.profile",
}

__all__ = [
    "Decision",
    "Detection",
    "GreenList",
    "Key",
    "LoadedMark",
    "MarkConfig",
    "MarkDetector",
    "MarkProcessor",
    "Profile",
    "Span",
    "Threshold",
    "detect_text",
    "load_mark",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module(f"assay.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
