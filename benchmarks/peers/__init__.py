"""Ours beside others, on the same shards, for the same wall-clock, under the same judges.

    python -m benchmarks.peers SHARDS --seconds 600 --threads 2 --out DIR

One after the other each peer is fitted, gives samples and, where it can, reconstructions. The figures are those of the
quality card. What is finished stays in DIR, so a killed run goes on with the next peer.
"""
