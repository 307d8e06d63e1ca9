"""Work in job arrays of SLURM, without any scheduler of Dask: each task of an array does a few parts and ends.

::

    parts that are missing   12 3 7 40 5 …        largest first, dealt to the tasks like cards
    list of an array         line k: the parts of task k
    name of an array         antdask-<plan>-<token>: the list is <token>.parts, so that the queue itself tells which parts wait

Nothing is remembered beyond these lists: what is missing is always found anew from receipts and files.
"""

from __future__ import annotations

import dataclasses
import shlex
import uuid
from collections.abc import Sequence
from pathlib import Path

from antdask.cluster import batch
from antdask.cluster.profiles import Profile, profile_folder
from antdask.errors import ClusterError


@dataclasses.dataclass(frozen=True, slots=True)
class Submission:
    """What was, or would be, submitted.

    Parameters
    ----------
    plan : str
        Identifier of the plan.
    parts, tasks : int
        Parts that were submitted, and tasks of arrays that do them.
    queued : int
        Parts that stood in the queue already.
    left : int
        Parts that did not fit into the queue: submit again when it is empty.
    jobs : tuple of str
        Numbers of the arrays; empty where nothing was submitted.
    folder : str
        Where scripts, lists and logs of failed tasks lie.
    """

    plan: str
    parts: int
    tasks: int
    queued: int
    left: int
    jobs: tuple[str, ...]
    folder: str


def submit_array(plan_url: str, plan_id: str, missing: Sequence[int], profile: Profile, *, dry_run: bool = False) -> Submission:
    """Submit the parts of a plan that are missing and not in the queue already.

    Parameters
    ----------
    plan_url : str
        The plan, where the nodes see it.
    plan_id : str
    missing : sequence of int
        Numbers of parts, the largest first.
    profile : Profile
        What a task asks for. `workers` is the number of tasks that run at a time.
    dry_run : bool
        Only say what would be submitted.

    Raises
    ------
    ClusterError
        SLURM is not there, refuses, or has no room for a single task; or parts of this plan wait in the queue and their list is gone.
    """
    folder = profile.shared_folder / f"antdask-{plan_id}"
    waiting = queued_parts(plan_id, profile)
    wanted = [part for part in missing if part not in waiting]
    limits = batch.limits(profile.account)
    tasks = deal(wanted, profile.parts_per_task, most_parts(profile), limits.jobs - batch.count())
    if wanted and not tasks:
        raise ClusterError(
            "The queue is full",
            found=f"{batch.count()} jobs",
            expected=f"less than {limits.jobs}",
            hint="Wait until some of your jobs have ended.",
        )
    # Each array keeps the number of its tasks that run at a time; so that all of them together keep it, one waits for the other.
    running = sorted({job.id.partition("_")[0] for own in batch.names(f"antdask-{plan_id}-").values() for job in own}, key=int)
    jobs: list[str] = []
    submitted: list[list[int]] = []
    for start in range(0, 0 if dry_run else len(tasks), limits.array_tasks):
        some = tasks[start : start + limits.array_tasks]
        try:
            job, taken = _submit_what_fits(some, plan_url, plan_id, profile, folder, after=[*jobs[-1:]] or running)
        except ClusterError:
            # What was taken is taken, the rest is for the next time.
            if not jobs:
                raise
            break
        jobs.append(job)
        submitted += some[:taken]
        if taken < len(some):
            break
    done = tasks if dry_run else submitted
    parts = sum(map(len, done))
    return Submission(plan_id, parts, len(done), len(waiting & set(missing)), len(wanted) - parts, tuple(jobs), str(folder))


def most_parts(profile: Profile) -> int:
    """Parts that fit into the walltime of a task, if each is as long as the longest.

    Examples
    --------
    >>> most_parts(Profile("x", walltime=3600, longest_part=900, margin=60))
    3
    """
    return max(1, (profile.walltime - profile.margin) // profile.longest_part)


def deal(parts: Sequence[int], least: int, most: int, tasks: int) -> list[list[int]]:
    """Deal parts to at most so many tasks, of at least `least` parts each, but no more than `most`; the last ones are left out if they do not fit.

    Parts that stand in order of size make tasks of nearly equal length.

    Examples
    --------
    >>> deal([9, 8, 7, 6, 5], least=1, most=9, tasks=2)
    [[9, 7, 5], [8, 6]]
    >>> deal([9, 8, 7, 6, 5], least=2, most=9, tasks=100)
    [[9, 7, 5], [8, 6]]
    >>> deal([9, 8, 7, 6, 5], least=1, most=2, tasks=2)
    [[9, 7], [8, 6]]
    """
    if not parts or tasks < 1:
        return []
    # As many tasks as have enough to do, but more where one would have too much.
    number = min(tasks, max(len(parts) // least, -(-len(parts) // most), 1))
    fitting = parts[: number * most]
    return [list(fitting[k::number]) for k in range(number)]


def queued_parts(plan_id: str, profile: Profile) -> set[int]:
    """Parts of a plan that wait or run in arrays now.

    Raises
    ------
    ClusterError
        SLURM is not there, or the list of an array is gone.
    """
    prefix, found = f"antdask-{plan_id}-", set[int]()
    for name, jobs in batch.names(prefix).items():
        file = profile.shared_folder / f"antdask-{plan_id}" / f"{name.removeprefix(prefix)}.parts"
        try:
            lines = file.read_text().splitlines()
        except OSError as error:
            raise ClusterError(
                f"Parts of this plan are in the queue, but nobody knows which: {error.strerror}",
                where=str(file),
                hint=f"Use the profile they were submitted with, or cancel them: scancel --name={name}",
            ) from error
        for job in jobs:
            found.update(map(int, lines[int(job.id.rpartition("_")[2])].split()))
    return found


def _submit_what_fits(
    tasks: Sequence[Sequence[int]], plan_url: str, plan_id: str, profile: Profile, folder: Path, after: Sequence[str]
) -> tuple[str, int]:
    """Submit an array; half of it, and again half, where SLURM has a limit that it does not tell beforehand. Number of the job, and of its tasks."""
    while True:
        try:
            return _submit_one(tasks, plan_url, plan_id, profile, folder, after), len(tasks)
        except ClusterError as error:
            if len(tasks) == 1 or not batch.is_too_much(error):
                raise
            tasks = tasks[: len(tasks) // 2]


def _submit_one(tasks: Sequence[Sequence[int]], plan_url: str, plan_id: str, profile: Profile, folder: Path, after: Sequence[str]) -> str:
    """Write list and script of one array, and submit it."""
    token = uuid.uuid4().hex[:8]
    listing, script = folder / f"{token}.parts", folder / f"{token}.sbatch"
    text = array_script(listing, plan_url, f"antdask-{plan_id}-{token}", len(tasks), profile)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        listing.write_text("".join(" ".join(map(str, parts)) + "\n" for parts in tasks))
        script.write_text(text)
    except OSError as error:
        raise ClusterError(
            f"The script of the array cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set `shared` in the profile to a folder that this machine and the nodes see.",
        ) from error
    try:
        return batch.submit(text, *([f"--dependency=afterany:{':'.join(after)}"] if after else []))
    except ClusterError:
        listing.unlink()
        script.unlink()
        raise


def array_script(listing: Path, plan_url: str, name: str, tasks: int, profile: Profile) -> str:
    """The script of an array of so many tasks, from the template ``deploy/slurm/array.sbatch``."""
    # No more than the wanted number run at a time: storage has limits of its own.
    options = [*profile.options(name, str(listing.parent / "%A_%a.log")), f"--array=0-{tasks - 1}%{profile.workers}"]
    words = {
        "options": "\n".join(f"#SBATCH {option}" for option in options),
        "prepare": "\n".join(profile.prepare()),
        "list": shlex.quote(str(listing)),
        "python": profile.interpreter,
        "plan": shlex.quote(plan_url),
        "folder": shlex.quote(str(listing.parent)),
    }
    text = (profile_folder() / "array.sbatch").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
