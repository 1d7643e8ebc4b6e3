"""A Ray cluster on this machine, in a process of its own: nodes of one core each.

    python nodes.py NODES

It prints the address. A line on stdin adds a node (`add`) or kills the newest but the first, hard (`kill`); both are
answered by a line. The cluster ends with stdin.
"""

import os
import sys

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_TMPDIR": "/tmp"}

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20) for _ in range(int(sys.argv[1]) - 1)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "add":
            nodes.append(cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20))
        else:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
