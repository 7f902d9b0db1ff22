"""Measure detectors, and show what they saw: copy-paste edits, pages and figures."""
