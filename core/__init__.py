"""Assay: mark machine-made text, find the mark again, and say how far the answer can be trusted.

The public names below load on first use, so that `import assay` costs nothing:

    import assay
    mark = assay.load_mark("mark.toml")
    detection = assay.detect_text("...", mark)
"""

from importlib import import_module

__version__ = "0.1.0"
