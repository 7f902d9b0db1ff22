"""The share of marked text in ten million documents with 0.1, 1 and 20 % marked: `scan_share.py`'s simulation, where it is slow.

Documents are drawn with replacement from 300,000 real passages and real marked pieces, each replication under a key of its own, so most are copies; the share
is of the distinct documents (1.4 to 1.7 % in all three cases, as each of 5,000 marked pieces counts once) and must lie inside its interval. `python bench/scan_share_large.py [REPLICATIONS]`.
"""

import sys

import numpy as np
import record
from assay.detect.evidence import gather
from assay.detect.tokens import tokenize
from assay.models import resolve
from assay.watermark.tokenizer import load_tokenizer
from scan_share import MIN_TOKENS, GreenList, Key, Pool, common_words, copied, human_passages, marked_pool, summary

REPLICATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
DOCUMENTS, SHARES = 10_000_000, (0.001, 0.01, 0.2)


def main() -> None:
    rng = np.random.default_rng(1)
    marked = marked_pool(rng)
    tokenizer = load_tokenizer(resolve("embedded"))
    tokens = tokenize(human_passages(rng), tokenizer)
    runs: dict[float, list] = {share: [] for share in SHARES}
    for replication in range(REPLICATIONS):
        mark = GreenList(Key(rng.bytes(32)))
        batch = gather(tokens, mark, common_words("en-1", tokenizer, mark.hash_key))
        human = np.column_stack((batch.n_scored, batch.n_positive))
        pools = [Pool(human[human[:, 0] >= MIN_TOKENS], rng), Pool(marked, rng)]
        for share in SHARES:
            runs[share].append(copied(DOCUMENTS, share, pools, rng))
        print(replication, file=sys.stderr, flush=True)
    figures = {
        f"{DOCUMENTS} documents, many copies, {share:.1%} marked": summary(found) for share, found in runs.items()
    }
    record.write(__file__, figures, replications=REPLICATIONS, seed=1)


if __name__ == "__main__":
    main()
