"""Where work runs: places with one door (`antdask.protocols.Cluster`) and the only loop over futures; knows no physics."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from antdask.errors import UsageError
from antdask.protocols import Cluster, Registry

if TYPE_CHECKING:
    from antdask.archive.store import Store

#: Makers of clusters by name; each takes the number of workers, or ``None`` for as many as there are places, and those that have sites a ``profile``.
#: Any Dask client goes through `antdask.cluster.dask`.
CLUSTERS: Registry[Callable[..., Cluster]] = Registry(
    "cluster",
    "antdask.clusters",
    {
        "serial": "antdask.cluster.serial:SerialCluster",
        "processes": "antdask.cluster.processes:ProcessCluster",
        "local": "antdask.cluster.local:LocalCluster",
        "slurm": "antdask.cluster.slurm:SlurmCluster",
    },
)


def demand_reach(cluster: Cluster, store: Store) -> None:
    """Refuse workers elsewhere for an archive that lies in the memory of this process.

    Raises
    ------
    UsageError
    """
    if store.in_process and cluster.name != "serial":
        raise UsageError("An archive in memory:// lives in one process", found=f"cluster '{cluster.name}'", hint="Use --cluster serial.")


def make_cluster(name: str, workers: int | None = None, profile: str | None = None) -> Cluster:
    """A cluster by name; whoever makes it closes it.

    Parameters
    ----------
    profile : str, optional
        Site profile, for kinds that have any: a name of `antdask.cluster.profiles.profile_names`, or the path of a TOML file.

    Raises
    ------
    UnknownNameError
        No such kind of cluster, or no such profile.
    UsageError
        A number of workers that this kind cannot have, or a profile for a kind that knows none.
    ClusterError
        The cluster does not start.

    Examples
    --------
    >>> make_cluster("serial").capacity
    1
    """
    factory = CLUSTERS.get(name)
    if profile is None:
        return factory(workers)
    if "profile" not in inspect.signature(factory).parameters:
        raise UsageError(
            f"A cluster '{name}' has no profiles", found=f"profile '{profile}'", hint="Take --cluster slurm, or leave --profile out."
        )
    return factory(workers, profile=profile)
