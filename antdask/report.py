"""What the commands found, as tables for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

# Imported late, here as in the commands: who asks for help, or is told of an error, waits for none of it.
if TYPE_CHECKING:
    from antdask.archive.ledger import Brief
    from antdask.archive.plans import PlanFile
    from antdask.cluster.array import Submission
    from antdask.cluster.check import Finding
    from antdask.convert.campaign import Summary
    from antdask.convert.status import Status
    from antdask.convert.submission import Block
    from antdask.convert.verify import VerifyReport
    from antdask.plan import Assignment, FileEntry, Plan

#: Rows of a table before the rest is only counted.
MOST_ROWS = 200
#: Streams of runs that a campaign lists one by one; of more, the runs are drawn together.
LINES = 40
#: Width where the output is no terminal, so that nothing that may be searched for is broken.
WIDE = 200


class _Output(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the program with the exit code of a bug.
        raise BrokenPipeError


def show(what: RenderableType) -> None:
    """Print to standard output."""
    width = None if sys.stdout.isatty() else WIDE
    # Text of others may hold brackets, which are no markup.
    _Output(width=width, highlight=False).print(what, markup=False, soft_wrap=isinstance(what, str | Text))


def size(nbytes: float) -> str:
    """Bytes for people, in powers of 1000.

    Examples
    --------
    >>> size(0), size(999), size(1_637_119), size(50e12)
    ('0 B', '999 B', '1.64 MB', '50.0 TB')
    """
    value, unit = float(nbytes), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    digits = 0 if unit == "B" or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"


def table(
    title: str, left: Iterable[str], right: Iterable[str], rows: Iterable[Iterable[Any]], total: Iterable[Any] = ()
) -> RenderableType:
    """A table with words on the left and numbers on the right; long ones end with a count of what is not shown."""
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for name in left:
        drawn.add_column(name, overflow="fold")
    for name in right:
        drawn.add_column(name, justify="right", no_wrap=True)
    rows = list(rows)
    for row in rows[:MOST_ROWS]:
        drawn.add_row(*(_cell(v) for v in row))
    if total:
        drawn.add_section()
        drawn.add_row(*(_cell(v) for v in total))
    rest = len(rows) - MOST_ROWS
    return Group(drawn, Text(f"and {rest:,} more; --json gives all")) if rest > 0 else drawn


def _cell(value: Any) -> Text:
    # As text, never as markup: names of files may hold brackets.
    if value is None:
        return Text("")
    return Text(f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value))


def facts(pairs: Mapping[str, Any]) -> Table:
    """Names and values, one a line; what is empty is left out."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        if value not in (None, "", (), []):
            drawn.add_row(Text(name, style="bold"), _cell(value))
    return drawn


def file_entries(entries: Sequence[FileEntry]) -> RenderableType:
    """What a file is, to each source that reads it."""
    first, *others = entries
    return Group(file_entry(first), *(part for entry in others for part in (Text(), file_entry(entry))))


def file_entry(entry: FileEntry) -> RenderableType:
    """What a file is."""
    about = {
        "file": entry.url,
        "format": f"{entry.format}, layout {entry.layout}",
        "size": size(entry.nbytes),
        "uuid": entry.uuid,
        "fingerprint": entry.fingerprint,
    }
    rows = [(s.stream, s.tree, s.run.detector, str(s.run.run), s.start, s.stop, size(s.nbytes)) for s in entry.segments]
    segments = table("What would be archived", ("stream", "tree", "detector"), ("run", "first entry", "end", "uncompressed"), rows)
    notes = [Text(f"note: {note}") for note in entry.notes]
    return Group(facts(about), segments if rows else Text("nothing in it would be archived"), *notes)


def plan(made: Plan | PlanFile, done: int = 0, cpu_hours: float | None = None) -> RenderableType:
    """What a plan will do and take."""
    from antdask.archive.plans import columns
    from antdask.convert.pace import cost as in_words

    cost = made.cost()
    about = {
        "plan": made.id,
        "archive": made.archive,
        "inputs": f"{cost['inputs']:,} files, {size(cost['bytes_in'])}, {size(cost['bytes_uncompressed'])} uncompressed",
        "parts": f"{cost['parts']:,}, {cost['entries']:,} entries" + (f"; {done:,} are done already" if done else ""),
        "inodes": f"about {cost['inodes']:,}",
        "memory": f"at most about {size(cost['memory_part'])} for one part",
        "cost": f"about {in_words(cpu_hours)}" if cpu_hours is not None else "",
        "retires": f"{len(made.retires):,} parts, when all of its own are there" if made.retires else "",
    }
    parts = columns(made)
    parts = parts.set_column(0, "detector", parts["detector"].cast("string")).set_column(1, "stream", parts["stream"].cast("string"))
    sums = parts.group_by(["stream", "detector"]).aggregate(
        [("run", "count_distinct"), ("run", "count"), ("entries", "sum"), ("nbytes", "sum")]
    )
    rows = [
        (r["stream"], r["detector"], r["run_count_distinct"], r["run_count"], r["entries_sum"], size(r["nbytes_sum"]))
        for r in sums.sort_by([("stream", "ascending"), ("detector", "ascending")]).to_pylist()
    ]
    streams = [table("Parts", ("stream", "detector"), ("runs", "parts", "entries", "uncompressed"), rows)] if rows else []
    return Group(facts(about), *streams, *rejections((r.url, r.code, r.reason) for r in made.rejected))


def rejections(rows: Iterable[tuple[str, str, str]]) -> list[RenderableType]:
    """Inputs that are left out, if there are any."""
    # The input stands beside its reason already.
    rows = [(url, code, reason.replace(f" (in {url})", "", 1)) for url, code, reason in rows]
    return [table("Inputs that cannot be archived", ("input", "code", "reason"), (), rows)] if rows else []


def summary(found: Summary) -> RenderableType:
    """What a campaign came to."""
    rows = [(g["stream"], g["detector"], str(g["run"]), *_volume(g), _speed_in_words(g)) for g in found.streams]
    if len(rows) > LINES:
        rows = [(g["stream"], g["detector"], f"{g['runs']:,} runs", *_volume(g), _speed_in_words(g)) for g in _without_runs(found.streams)]
    totals = {name: getattr(found, name) for name in ("rows", "hits", "bytes_uncompressed", "bytes_out")}
    everything = ("all", "", "", *_volume({"parts": found.parts_done, **totals}), _speed_in_words(_sum(found.streams)))
    archived = table(
        "Archived",
        ("stream", "detector"),
        ("run", "parts", "rows", "hits", "uncompressed", "archived", "ratio", "MB/s/core"),
        rows,
        everything,
    )
    about = {
        "archive": found.archive,
        "parts": f"{found.parts_done:,} of {found.parts_total:,} done"
        + (f", {found.parts_skipped:,} of them before" if found.parts_skipped else "")
        + (f", {found.parts_failed:,} failed" if found.parts_failed else "")
        + (f", {found.parts_missing:,} not tried" if found.parts_missing else ""),
        "quarantined": f"{found.quarantined:,} entries" if found.quarantined else "",
        "stopped": found.stopped,
        "time": f"{found.seconds:.1f} s",
    }
    left_out = rejections((r["url"], r["code"], r["reason"]) for r in found.rejections)
    return Group(archived if rows else Text(""), *left_out, *_failed(found.failures), facts(about))


def _failed(failures: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Parts that failed, if there are any."""
    rows = [(f["key"], f["attempts"], f"{f['kind']} ({f['code']})", f["message"]) for f in failures]
    return [table("Failed parts", ("part", "attempts", "class", "reason"), (), rows)] if rows else []


def _volume(group: Mapping[str, Any]) -> tuple[Any, ...]:
    before, after = group["bytes_uncompressed"], group["bytes_out"]
    return group["parts"], group["rows"], group["hits"], size(before), size(after), f"{before / after:.2f}" if after else ""


def _without_runs(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One group for all runs of a stream of a detector."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for g in groups:
        found.setdefault((g["stream"], g["detector"]), []).append(g)
    return [{"stream": s, "detector": d, "runs": len({g["run"] for g in own}), **_sum(own)} for (s, d), own in found.items()]


def _sum(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("parts", "rows", "hits", "bytes_uncompressed", "bytes_out", "cpu_seconds")
    return {name: sum(g[name] for g in groups) for name in names}


def _speed_in_words(group: Mapping[str, Any]) -> str:
    """Uncompressed MB per second and core, where it is known."""
    seconds = group["cpu_seconds"]
    return f"{group['bytes_uncompressed'] / 1e6 / seconds:.0f}" if seconds and group["bytes_uncompressed"] else ""


def brief(found: Brief) -> RenderableType:
    """What a worker did."""
    volume = f"{found.rows:,} rows, {found.hits:,} hits, {size(found.bytes_in)} → {size(found.nbytes)}"
    return facts({"part": found.part, "archived": volume, "quarantined": f"{found.lost:,} entries" if found.lost else ""})


def block(found: Block) -> RenderableType:
    """What became of some parts."""
    about = {
        "done": f"{len(found.done):,} of {found.wanted:,} parts",
        "archived": f"{sum(b.rows for b in found.done.values()):,} rows, {sum(b.hits for b in found.done.values()):,} hits",
        "stopped": found.stopped,
    }
    return Group(facts(about), *_failed(found.failures))


def submission(found: Submission, dry_run: bool = False) -> RenderableType:
    """What was, or would be, submitted as job arrays."""
    jobs = f", job {', '.join(found.jobs)}" if found.jobs else ""
    about = {
        "plan": found.plan,
        "would submit" if dry_run else "submitted": f"{found.parts:,} parts in {found.tasks:,} tasks{jobs}",
        "in the queue": f"{found.queued:,} parts already" if found.queued else "",
        "left": f"{found.left:,} parts that do not fit into the queue now: submit again when it is empty" if found.left else "",
        "logs": found.folder,
    }
    return facts(about)


def findings(found: Sequence[Finding]) -> RenderableType:
    """What a look at a cluster showed."""
    rows = [(f.name, f.worker, "well" if f.ok else "NOT WELL", f"{f.found}. {f.hint}" if f.hint else f.found) for f in found]
    return table("Cluster", ("what", "worker", "is", "found"), (), rows)


def status(found: Status) -> RenderableType:
    """How far an archive is."""
    from antdask.convert.pace import cost

    names = ("parts_total", "parts_done", "parts_missing")
    rows = [
        (
            c["plan"],
            *(c[n] for n in names),
            _classes(c["failed"]),
            *(_counted(c, n) for n in ("quarantined", "rejected", "rows", "hits")),
            size(c["bytes_in"]),
            size(c["bytes_out"]),
        )
        for c in found.campaigns
    ]
    columns = ("parts", "done", "missing", "failed", "quarantined", "rejected", "rows", "hits", "input files", "archived")
    pace = found.pace
    about = {
        "archive": found.archive,
        "catalogue": found.snapshot or "none yet",
        "orphans": f"{found.orphans:,} part files without receipt, which will be made again" if found.orphans else "",
        "superseded": f"{found.superseded:,} parts that others stand for: antdask gc" if found.superseded else "",
        "speed": f"{pace.mb_per_second_core:.0f} MB/s/core, {cost(pace.cpu_hours)}, half of the parts within {pace.part_seconds:.1f} s"
        if pace.cpu_hours
        else "",
        "at work": f"about {pace.at_work:.1f} parts at a time, {size(pace.bytes_per_second)}/s"
        if pace.running and pace.seconds_left
        else "",
        "time left": _duration(pace.seconds_left) if pace.seconds_left else "",
    }
    return Group(facts(about), table("Campaigns", ("plan",), columns, rows))


def _classes(failed: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in failed.items())


def _counted(campaign: Mapping[str, Any], name: str) -> str:
    """A number, or as much of it as is known."""
    more = "≥ " if campaign["uncounted"] and name != "rejected" else ""
    return f"{more}{campaign[name]:,}"


def _duration(seconds: float) -> str:
    from antdask.cluster.progress import duration

    return f"about {duration(seconds)}"


def verification(found: VerifyReport) -> RenderableType:
    """What a verification found."""
    looked = {"fast": "", "deep": f"{found.values:,} values decoded", "source": f"{found.values:,} values compared with their sources"}
    about = {
        "archive": found.archive,
        "looked at": f"{found.parts:,} parts, {found.rows:,} rows, {found.hits:,} hits",
        found.mode: looked[found.mode],
        "quarantined": f"{found.quarantined:,} entries" if found.quarantined else "",
        "time": f"{found.seconds:.1f} s",
        "result": f"{len(found.problems):,} problems" if found.problems else "sound",
    }
    problems = [(p["part"], p["problem"]) for p in found.problems]
    return Group(facts(about), *([table("Problems", ("part", "problem"), (), problems)] if problems else []))


def assignment(found: Assignment) -> RenderableType:
    """What a worker would do."""
    ranges = [(found.inputs[r.input].url, r.tree, r.start, r.stop, size(r.nbytes)) for r in found.part.ranges]
    about = {"plan": found.plan, "archive": found.archive, "part": str(found.part.key)}
    return Group(facts(about), table("Would read", ("input", "tree"), ("first entry", "end", "uncompressed"), ranges))


def assignments(found: Iterable[Assignment]) -> RenderableType:
    """What a worker would do with some parts."""
    return Group(*map(assignment, found))


class Counting:
    """Counts things aloud while nobody knows how many there will be; silent where standard error is no terminal.

    Examples
    --------
    >>> with Counting("files", quiet=True) as count:
    ...     count("a.root")
    """

    def __init__(self, what: str, quiet: bool) -> None:
        self._what, self._number = what, 0
        console = Console(stderr=True)
        self._status = None if quiet or not console.is_terminal else console.status(what)

    def __enter__(self) -> Counting:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, _: str) -> None:
        """One more."""
        self._number += 1
        if self._status is not None:
            self._status.update(f"{self._number:,} {self._what}")


def simulation(sizes: Mapping[str, int]) -> RenderableType:
    """The files that were simulated."""
    rows = [(name, size(nbytes)) for name, nbytes in sizes.items()]
    return table("SIMULATED, not data of the ANTARES detector", ("file",), ("size",), rows, ("all", size(sum(sizes.values()))))
