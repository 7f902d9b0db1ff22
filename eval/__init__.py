"""Measure detectors: attacks, plans, metrics with intervals, reports; and the pages that show what a detector saw."""
