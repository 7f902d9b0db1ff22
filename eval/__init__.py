"""Measure detectors, and show what they saw: copy-paste edits, intervals, pages and figures."""
