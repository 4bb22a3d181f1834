"""Two Ray nodes on this machine; a line on standard input kills one of them.

    python -m tests.pipeline.ray_nodes

Prints the address, then serves until its input ends.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    """Start, wait for the word, kill."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    sys.stdout.write(f"{cluster.address}\n")
    sys.stdout.flush()
    if sys.stdin.readline():
        cluster.remove_node(node, allow_graceful=False)
        sys.stdout.write("killed\n")
        sys.stdout.flush()
        sys.stdin.readline()
    cluster.shutdown()


if __name__ == "__main__":
    main()
