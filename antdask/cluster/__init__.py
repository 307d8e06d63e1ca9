"""Where work runs: places with one door (`antdask.protocols.Cluster`) and the only loop over futures; knows no physics."""

from __future__ import annotations

from collections.abc import Callable

from antdask.protocols import Cluster, Registry

#: Makers of clusters by name; each takes the number of workers, or ``None`` for one per processor. Any Dask client goes through `antdask.cluster.dask`.
CLUSTERS: Registry[Callable[[int | None], Cluster]] = Registry(
    "cluster",
    "antdask.clusters",
    {
        "serial": "antdask.cluster.serial:SerialCluster",
        "processes": "antdask.cluster.processes:ProcessCluster",
        "local": "antdask.cluster.local:LocalCluster",
    },
)


def make_cluster(name: str, workers: int | None = None) -> Cluster:
    """A cluster by name; whoever makes it closes it.

    Raises
    ------
    UnknownNameError
        No such kind of cluster.
    UsageError
        A number of workers that this kind cannot have.

    Examples
    --------
    >>> make_cluster("serial").capacity
    1
    """
    return CLUSTERS.get(name)(workers)
