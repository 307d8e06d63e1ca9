"""The report of a campaign: a page in Markdown, the same in JSON, and pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from antdask.archive.store import Store
from antdask.cluster.progress import duration
from antdask.convert import pace
from antdask.convert.chronicle import Chronicle, tell
from antdask.query.explanation import size

INK, ACCENT, QUIET, ALARM = "#1b2733", "#2a6f97", "#8a97a3", "#d1495b"
#: Failures that the page lists; JSON has all.
_LISTED = 50


def write_report(archive_url: str, plan: str | None = None, output: str | None = None) -> list[str]:
    """Write the report of a campaign.

    Parameters
    ----------
    plan : str, optional
        Id of a plan, or its beginning; all plans if not given.
    output : str, optional
        Folder, made if it is not there; in the archive, under ``reports/``, if not given.

    Returns
    -------
    list of str
        URLs of the files: ``report.md``, ``report.json``, and the pictures.

    Raises
    ------
    NotAnArchiveError, UnknownNameError, DestinationError
    """
    told = tell(archive_url, plan)
    store = Store(output) if output is not None else Store(archive_url)
    head = "" if output is not None else f"reports/{told.plans[0]['plan'] if plan else 'all'}/"
    files: dict[str, bytes] = {f"{name}.png": _png(draw(told)) for name, draw in PICTURES.items()}
    files["report.json"] = json.dumps(told.to_dict(), indent=1).encode() + b"\n"
    files["report.md"] = page(told).encode()
    for name, data in files.items():
        store.write_small(head + name, data)
    return [store.full_url(head + name) for name in sorted(files)]


def page(told: Chronicle) -> str:
    """The page in Markdown."""
    t = told.totals
    facts = [
        ("archive", f"`{told.archive}`"),
        ("made", f"{told.made}, from snapshot `{told.snapshot}`"),
        ("from, to", f"{t['first_start']} to {t['last_end']}: {duration(t['wall_seconds'])}" if t["first_start"] else "unknown"),
        ("parts", f"{t['parts']:,}, {t['rows']:,} rows, {t['hits']:,} hits"),
        (
            "volume",
            f"{size(t['bytes_in'])} uncompressed → {size(t['nbytes'])} archived"
            + (f", ratio {t['bytes_in'] / t['nbytes']:.2f}" if t["nbytes"] else ""),
        ),
        ("speed", f"{t['mb_per_second_core']:.1f} MB/s/core, {t['mean_at_work']:.1f} parts at a time"),
        ("cost", pace.cost(t["cpu_hours"])),
        ("quarantined", f"{t['lost']:,} entries"),
    ]
    sections = [
        "# Report of a campaign\n",
        "\n".join(f"- **{name}**: {words}" for name, words in facts),
        "![Throughput over time](throughput.png)\n\n![Parts over time](parts.png)\n\n![Failures and quarantine](failures.png)\n\n![Speed of parts](speed.png)",
        _section("Plans", ("plan", "parts", "done", "missing", "failed", "quarantined", "rejected inputs"), [_plan_row(p) for p in told.plans]),
        _section("Streams", ("stream", "parts", "rows", "hits", "uncompressed", "archived", "MB/s/core"), [_group_row(s, "stream") for s in told.streams]),
        _section("Hosts", ("host", "parts", "rows", "hits", "uncompressed", "archived", "MB/s/core"), [_group_row(h, "host") for h in told.hosts]),
        _section("Spread over the parts", ("", "5 %", "25 %", "half", "75 %", "95 %"), _share_rows(told)),
        _section("Quarantine by cause", ("cause", "inputs", "rejected", "parts", "entries"), [[c[n] for n in ("code", "inputs", "rejected", "parts", "entries")] for c in told.causes]),
        _section("Parts that failed", ("part", "class", "attempts", "host", "reason"), [_failure_row(f) for f in told.failures[:_LISTED]]),
        _section("Environments", ("environment", "parts", "python", "container", "packages"), [_environment_row(n, e) for n, e in told.environments.items()]),
    ]  # fmt: skip
    return "\n\n".join(s for s in sections if s) + "\n"


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(_cell(v) for v in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"## {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def _plan_row(p: dict[str, Any]) -> list[Any]:
    failed = ", ".join(f"{n} {kind}" for kind, n in p["failed"].items())
    return [f"`{p['plan']}`", p["parts_total"], p["parts_done"], p["parts_missing"], failed, p["quarantined"], p["rejected"]]


def _group_row(g: dict[str, Any], name: str) -> list[Any]:
    return [g[name], g["parts"], g["rows"], g["hits"], size(g["bytes_in"]), size(g["nbytes"]), g["mb_per_second_core"]]


def _share_rows(told: Chronicle) -> list[list[Any]]:
    words: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("part_seconds", "time of a part [s]", "{:.2f}".format),
        ("mb_per_second_core", "speed [MB/s/core]", "{:.1f}".format),
        ("peak_memory", "peak memory", size),
    )
    return [[label, *(show(v) for v in told.shares[key].values())] for key, label, show in words if told.shares[key]]


def _failure_row(f: dict[str, Any]) -> list[Any]:
    return [f"`{f.get('key', f.get('part'))}`", f.get("kind", ""), f.get("attempts", ""), f.get("host", ""), f.get("message", "")]


def _environment_row(name: str, e: dict[str, Any]) -> list[Any]:
    return [f"`{name}`", e["parts"], e.get("python", "not kept"), e.get("container", "") or "none", len(e.get("packages", {}))]


def throughput(told: Chronicle) -> Figure:
    """Uncompressed input per second, and the number of parts at work, over time."""
    figure, axes, scale = _over_time(told, "Throughput", f"{told.totals['mb_per_second_core']:.0f} MB/s/core on average")
    time, c = np.array(told.curves["time"]) / scale, told.curves
    if len(time):
        axes.stairs(np.array(c["bytes_per_second"]) / 1e6, time, fill=True, color=ACCENT, alpha=0.85)
    axes.set_ylabel("uncompressed input [MB/s]")
    other = axes.twinx()
    if len(time):
        other.stairs(c["at_work"], time, color=INK, linewidth=1.2, baseline=None)
    other.set_ylabel("parts at work (line)")
    for a in (axes, other):
        a.set_ylim(bottom=0)
        a.spines["top"].set_visible(False)
    return figure


def parts(told: Chronicle) -> Figure:
    """Parts that are done, parts that failed, and entries that were quarantined, over time."""
    wanted = sum(p["parts_total"] for p in told.plans)
    figure, axes, scale = _over_time(told, "Parts done", f"{told.totals['parts']:,} parts are in the archive")
    time, c = np.array(told.curves["time"]) / scale, told.curves
    axes.plot(time, c["parts_done"], color=ACCENT, linewidth=2, label="done")
    if max(c["failed"], default=0):
        axes.step(time, c["failed"], where="post", color=ALARM, linewidth=1.6, linestyle=":", label="failed, not done since")
    if len(told.plans) == 1:
        axes.axhline(wanted, color=QUIET, linewidth=1, linestyle="--", label="planned")
    axes.set_ylabel("parts")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes.get_legend_handles_labels()
    if max(c["quarantined"], default=0):
        other = axes.twinx()
        (line,) = other.step(time, c["quarantined"], where="post", color=ALARM, linewidth=1.2, label="quarantined entries")
        other.set_ylabel("quarantined entries")
        other.set_ylim(bottom=0)
        other.spines["top"].set_visible(False)
        other.yaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = [*handles, line], [*labels, "quarantined entries"]
    axes.legend(handles, labels, loc="lower right", bbox_to_anchor=(1, 1.0), ncols=len(labels), frameon=False)
    return figure


def failures(told: Chronicle) -> Figure:
    """Parts that failed by class, and quarantined entries and rejected inputs by cause."""
    figure = _figure("Failures and quarantine", "what is not in the archive, and why")
    left, right = figure.subplots(1, 2)
    _bars(left, told.failure_classes, "parts that failed, by class", "no part failed")
    causes = {f"{c['code']}: entries": c["entries"] for c in told.causes if c["entries"]}
    causes |= {f"{c['code']}: inputs": c["rejected"] for c in told.causes if c["rejected"]}
    _bars(right, causes, "quarantined, by cause", "nothing is in quarantine")
    return figure


def speed(told: Chronicle) -> Figure:
    """Distribution of the speed of parts."""
    share = told.shares["mb_per_second_core"]
    figure = _figure(
        "Speed of parts", f"half of the parts below {share['p50']:.0f} MB/s/core" if share else "no part took long enough to tell"
    )
    axes = figure.subplots()
    if told.speeds:
        axes.hist(told.speeds, bins=min(60, max(5, round(np.sqrt(len(told.speeds)) * 2))), color=ACCENT)
        axes.axvline(share["p50"], color=INK, linewidth=1.2, linestyle="--")
    axes.set_xlabel("uncompressed input for each second of CPU time [MB/s/core]")
    axes.set_ylabel("parts")
    axes.set_xlim(left=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES: dict[str, Callable[[Chronicle], Figure]] = {"throughput": throughput, "parts": parts, "failures": failures, "speed": speed}


def _figure(title: str, subtitle: str) -> Figure:
    figure = Figure(figsize=(9, 4.2), dpi=130, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(rect=(0, 0, 1, 0.84))  # type: ignore[union-attr, call-arg]
    figure.text(0.012, 0.97, title, ha="left", va="top", fontsize=14, weight="bold", color=INK)
    figure.text(0.012, 0.895, subtitle, ha="left", va="top", fontsize=9.5, color="#51606d")
    return figure


def _over_time(told: Chronicle, title: str, subtitle: str) -> tuple[Figure, Any, float]:
    """A figure with time on its x axis, in a unit that fits; seconds of that unit."""
    figure = _figure(title, f"{subtitle}; from {told.totals['first_start'] or 'unknown'}")
    span = told.totals["wall_seconds"]
    unit, scale = next(
        (u, s) for u, s, least in (("d", 86_400.0, 3 * 86_400), ("h", 3600.0, 7200), ("min", 60.0, 300), ("s", 1.0, 0)) if span >= least
    )
    axes = figure.subplots()
    axes.set_xlabel(f"time since the first part began [{unit}]")
    axes.set_xlim(0, max(span / scale, 1e-3))
    axes.grid(True, axis="y", color="#dfe4e8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["top"].set_visible(False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"))
    return figure, axes, scale


def _bars(axes: Any, counts: dict[str, int], title: str, nothing: str) -> None:
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if not counts:
        axes.text(0.5, 0.5, nothing, ha="center", va="center", transform=axes.transAxes, color=QUIET)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    # From the top down, and no fatter for being few.
    places = max(len(counts), 4) - 1 - np.arange(len(counts))
    bars = axes.barh(places, list(counts.values()), color=ALARM, height=0.6)
    axes.set_yticks(places, list(counts))
    axes.set_ylim(-0.6, max(len(counts), 4) - 0.4)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=9)
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def _png(figure: Figure) -> bytes:
    sink = io.BytesIO()
    # No date and no version of the library: the same campaign gives the same picture.
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()
