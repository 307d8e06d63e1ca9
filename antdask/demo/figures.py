"""Four pictures of archived data: rate map, hits per event, one event in time and height, charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

INK, QUIET, ACCENT = "#1b2733", "#8a97a3", "#d1495b"
#: What a channel did in a frame where it gave no measurement: words and colour, in the order of their codes from 1.
STATES = (("no data", "#e4e7ea"), ("no rate (code 0)", "#000000"), ("high-rate veto", "#e4572e"), ("FIFO almost full", "#c800c8"))
NO_DATA, NO_RATE, VETO, FIFO = range(1, 5)
LINES, FLOORS = 12, 25
#: Charge in the event display: weak hits pale, strong ones dark; the palest tones are left out, they would vanish on white.
CHARGE_COLOURS = ListedColormap(colormaps["GnBu"](np.linspace(0.38, 1, 256)))
THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")


def _figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.72 / height))  # type: ignore[union-attr, call-arg]
    figure.text(0.012, 1 - 0.12 / height, title, ha="left", va="top", fontsize=14, weight="bold", color=INK)
    figure.text(0.012, 1 - 0.42 / height, subtitle, ha="left", va="top", fontsize=9.5, color="#51606d")
    return figure


def _quiet(axes: Any, grid: str = "both") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    axes.grid(True, axis=grid, color="#dfe4e8", linewidth=0.6)
    axes.set_axisbelow(True)


def rate_map(seconds: np.ndarray, modules: Sequence[int], rate_hz: np.ndarray, state: np.ndarray, subtitle: str) -> Figure:
    """Rates of all channels over time, with all that is not a measurement in colours of its own.

    Parameters
    ----------
    seconds : array of float, shape (frame,) [s]
        Equally spaced starts of the frames.
    modules : sequence of int
        Identifiers of the modules, one for every 31 channels.
    rate_hz : array of float, shape (channel, frame) [Hz]
    state : array of uint8, shape (channel, frame)
        0 where `rate_hz` is a measurement, else a code of `STATES`.
    """
    figure = _figure(11, 7.2, "Rates of all channels", subtitle)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    step = seconds[1] - seconds[0]
    extent = (seconds[0], seconds[-1] + step, len(rate_hz), 0)
    measured = np.where(state == 0, rate_hz, np.nan)
    low, high = np.nanpercentile(measured, [0.5, 99.8])
    colours = LogNorm(low, high)
    image = upper.imshow(measured, aspect="auto", interpolation="nearest", extent=extent, norm=colours, cmap="viridis")
    upper.imshow(
        np.ma.masked_equal(state, 0),
        aspect="auto",
        interpolation="nearest",
        extent=extent,
        cmap=ListedColormap([c for _, c in STATES]),
        vmin=0.5,
        vmax=4.5,
    )
    upper.set_yticks(np.arange(len(modules)) * 31 + 15.5, [str(m) for m in modules], fontsize=7.5)
    upper.set_yticks(np.arange(len(modules) + 1) * 31, minor=True)
    upper.tick_params(axis="y", which="major", length=0)
    upper.grid(True, axis="y", which="minor", color="white", linewidth=0.8)
    upper.set_ylabel("optical module, channels 0 to 30 downwards", fontsize=10)
    present = [(words, colour) for code, (words, colour) in enumerate(STATES, 1) if (state == code).any()]
    share = {words: (state == code).mean() for code, (words, _) in enumerate(STATES, 1)}
    upper.legend(
        handles=[Patch(color=c, label=f"{words} ({share[words]:.1%})") for words, c in present],
        loc="lower right", bbox_to_anchor=(1, 1.0), ncols=len(present), frameon=False, fontsize=9,
    )  # fmt: skip
    ticks = [t for t in (2e3, 3e3, 4e3, 5e3, 6e3, 8e3, 10e3, 12e3, 15e3, 20e3, 50e3, 100e3) if low <= t <= high]
    bar = figure.colorbar(image, ax=upper, pad=0.01, fraction=0.03, extend="both", ticks=ticks, format=THOUSANDS)
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.set_label("rate [Hz]", fontsize=10)
    filled = np.flatnonzero((state == 0).any(axis=0))
    shown = np.full((3, len(seconds)), np.nan)
    shown[:, filled] = np.nanpercentile(measured[:, filled], [10, 50, 90], axis=0)
    lower.plot(seconds, shown[1], color=INK, linewidth=1)
    lower.fill_between(seconds, shown[0], shown[2], color=QUIET, alpha=0.35, linewidth=0)
    lower.yaxis.set_major_formatter(THOUSANDS)
    lower.set_ylabel("median, 10–90 %\nof channels [Hz]", fontsize=9)
    lower.set_xlabel("time since the first frame shown [s]", fontsize=10)
    lower.set_ylim(bottom=0)
    _quiet(lower)
    return figure


def hits_per_event(counts: Mapping[str, np.ndarray], subtitle: str) -> Figure:
    """Distribution of the number of hits of an event, one panel for each detector.

    Parameters
    ----------
    counts : mapping of label to array of int
    """
    figure = _figure(11, 1.35 + 1.25 * len(counts), "Hits per event", subtitle)
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False)[:, 0]
    top = max(int(n.max()) for n in counts.values())
    bottom = max(1, min(int(n.min()) for n in counts.values()))
    edges = np.geomspace(bottom * 0.8, top * 1.1, 50)
    for axes, (label, n), colour in zip(panels, counts.items(), _palette(len(counts)), strict=True):
        axes.hist(n, bins=edges, color=colour)
        axes.axvline(np.median(n), color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.99, 0.9, label, transform=axes.transAxes, fontsize=10, weight="bold", ha="right", va="top", color=INK)
        words = f"{len(n):,} events, median {np.median(n):,.0f} hits"
        axes.text(0.99, 0.66, words, transform=axes.transAxes, fontsize=9, ha="right", va="top", color="#51606d")
        axes.set_xscale("log")
        axes.set_ylabel("events", fontsize=9)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_ylim(top=axes.get_ylim()[1] * 1.25)
        _quiet(axes)
    panels[-1].set_xlabel("hits in the snapshot of the event", fontsize=10)
    panels[-1].xaxis.set_major_formatter(THOUSANDS)
    return figure


def _palette(n: int) -> list[str]:
    return (["#00798c", "#edae49", "#66a182", "#2e4057", "#8d96a3", "#b56576"] * 4)[:n]


def event_display(hits: Mapping[str, np.ndarray], dead: set[int], subtitle: str) -> Figure:
    """One event, line by line: height against time, colour and size by charge, triggered hits ringed.

    Parameters
    ----------
    hits : mapping
        Columns ``line, floor, time_ns, charge_pe, triggered`` of the hits of the event.
    dead : set of int
        Lines without any hit in the run.
    """
    figure = _figure(12.5, 7.6, "One real ANTARES event in time and height", subtitle)
    panels = figure.subplots(2, LINES // 2, sharex=True, sharey=True)
    triggered = hits["triggered"] == 1
    origin = float(hits["time_ns"][triggered].min() if triggered.any() else hits["time_ns"].min())
    colours = LogNorm(0.3, max(10.0, float(hits["charge_pe"].max())))
    for line, axes in enumerate(panels.flat, 1):
        here = hits["line"] == line
        _one_line(axes, {name: values[here] for name, values in hits.items()}, origin, colours)
        axes.set_title(f"line {line}", fontsize=10, color=INK, weight="bold" if (here & triggered).any() else "normal")
        if line in dead:
            axes.text(0.5, 0.5, "not in this run", transform=axes.transAxes, ha="center", va="center", fontsize=10, color=QUIET)
            axes.set_facecolor("#f1f3f5")
        _quiet(axes)
    for axes in panels[-1]:
        axes.set_xlabel("time [ns]", fontsize=10)
    for axes in panels[:, 0]:
        axes.set_ylabel("floor (14.5 m each)", fontsize=10)
        axes.set_ylim(0, FLOORS + 1)
    bar = figure.colorbar(ScalarMappable(colours, CHARGE_COLOURS), ax=panels, pad=0.01, fraction=0.025)
    bar.set_label("charge [photo-electrons]", fontsize=10)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ring = Line2D([], [], marker="o", linestyle="", markerfacecolor="none", markeredgecolor=ACCENT, markeredgewidth=1.6, markersize=9)
    dot = Line2D([], [], marker="o", linestyle="", color="#4eb3d3", markersize=5)
    figure.legend([ring, dot], ["triggered hit", "hit in the snapshot"], loc="upper right", ncols=2, frameon=False, fontsize=10)
    return figure


def _one_line(axes: Any, hits: Mapping[str, np.ndarray], origin: float, colours: LogNorm) -> None:
    time, charge, triggered = hits["time_ns"] - origin, np.clip(hits["charge_pe"], 0.3, None), hits["triggered"] == 1
    # Three modules share a floor: a small shift keeps simultaneous hits apart.
    height = hits["floor"] + 0.22 * (hits["om"].astype(int) - 2 - 3 * (hits["floor"].astype(int) - 1))
    order = np.argsort(charge)
    axes.scatter(
        time[order],
        height[order],
        s=10 + 8 * charge[order],
        c=charge[order],
        norm=colours,
        cmap=CHARGE_COLOURS,
        linewidths=0.2,
        edgecolors=INK,
    )
    axes.scatter(time[triggered], height[triggered], s=45 + 9 * charge[triggered], facecolors="none", edgecolors=ACCENT, linewidths=1.5)


def charges(charge_pe: np.ndarray, triggered: np.ndarray, subtitle: str) -> Figure:
    """Distribution of hit charges, with the photo-electron peak.

    Parameters
    ----------
    charge_pe : array of float [photo-electrons]
    triggered : array of bool
    """
    figure = _figure(10, 5.4, "Charges of hits", subtitle)
    axes = figure.subplots()
    # Narrow bins where hits are many, wide ones in the tail; all drawn as hits per 0.1 photo-electrons.
    tail = np.arange(4, max(6.0, float(charge_pe.max())) + 1)
    edges, coarse = np.concatenate([np.arange(-5, 40) / 10, tail]), np.concatenate([np.arange(-1, 8) / 2, tail])
    every, few = (
        np.histogram(values, bins)[0] * 0.1 / np.diff(bins) for values, bins in ((charge_pe, edges), (charge_pe[triggered], coarse))
    )
    axes.stairs(every, edges, fill=True, color="#00798c", alpha=0.85, label=f"all hits ({len(charge_pe):,})")
    axes.stairs(few, coarse, color=ACCENT, linewidth=1.5, label=f"triggered hits ({triggered.sum():,})")
    peak = edges[every.argmax()] + 0.05
    axes.axvline(1, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f"1 photo-electron\n(fullest bin at {peak:.2f})", (1, every.max()), (2.6, every.max()), fontsize=10, va="top",
        arrowprops={"arrowstyle": "-", "color": QUIET},
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.05)
    axes.set_xlabel("charge [photo-electrons]", fontsize=10)
    axes.set_ylabel("hits / 0.1 photo-electrons", fontsize=10)
    axes.legend(frameon=False, fontsize=10)
    _quiet(axes)
    return figure
