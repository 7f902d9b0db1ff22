"""Windows count every row once, with the context promised; batches hold every window once and stay small."""

from assay.detect.windows import batches, windows
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(2, 20), st.data())
def test_windows_count_every_row_once_with_the_context_promised(n_inputs, context, data):
    stride = data.draw(st.integers(1, context))
    plan = list(windows(7, n_inputs, context, stride))
    counted = [row for w in plan for row in range(w.first, w.stop)]
    assert counted == list(range(n_inputs))
    for w in plan:
        assert w.document == 7
        assert 0 <= w.start <= w.first < w.stop <= w.start + context
        assert w.start == 0 or w.first - w.start >= context - stride


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 200))
def test_batches_hold_every_window_once_and_stay_small(lengths, tokens):
    plan = [w for d, n in enumerate(lengths) for w in windows(d, n, 50, 25)]
    groups = list(batches(plan, tokens))
    assert sorted(w for g in groups for w in g) == sorted(plan)
    for group in groups:
        longest, shortest = (f(w.stop - w.start for w in group) for f in (max, min))
        assert len(group) == 1 or len(group) * longest <= tokens
        assert shortest >= 0.8 * longest
