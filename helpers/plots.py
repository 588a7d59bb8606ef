"""Figures in one style; `show(figure, alt)` is how notebooks display them."""

from __future__ import annotations

import base64
import io
import sys
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.errors import WorkbookError

# Okabe and Ito's colours (2008), ordered so that the first five stay apart under every colour blindness.
PALETTE = ("#0072B2", "#E69F00", "#000000", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442")
MARKERS = "osD^vPX*"
MAX_PIXELS = 900
Interval = tuple[float, float]
STYLE = {
    "axes.axisbelow": True, "axes.edgecolor": "#8a8a8a", "axes.grid": True, "axes.labelcolor": "#222222",
    "axes.labelsize": 13, "axes.spines.right": False, "axes.spines.top": False,
    "axes.titlelocation": "left", "axes.titlepad": 10, "axes.titlesize": 14, "axes.titleweight": "bold",
    "figure.dpi": 110, "figure.constrained_layout.h_pad": 0.1, "figure.constrained_layout.w_pad": 0.1,
    "figure.facecolor": "white", "font.family": "DejaVu Sans", "font.size": 12, "grid.color": "#e4e4e4",
    "legend.frameon": False, "lines.linewidth": 2.2, "lines.markersize": 7, "savefig.facecolor": "white",
    "text.parse_math": False, "xtick.color": "#8a8a8a", "xtick.labelcolor": "#222222",
    "ytick.color": "#8a8a8a", "ytick.labelcolor": "#222222",
}  # fmt: skip
rcParams.update(STYLE)  # so that figures which a notebook draws itself look the same


def show(figure: Figure, alt: str) -> None:
    """Display the figure as a picture with alt text (a sentence or two) that reaches web pages too; close it.

    Works under any Matplotlib backend and leaves nothing open that Jupyter would show a second time. A chart
    is a PNG; a figure of pictures is a JPEG, an eighth as large in a notebook.
    """
    show_png(png(figure), alt, jpeg=holds_pictures(figure))


def show_png(data: bytes, alt: str, *, jpeg: bool = False) -> None:
    """Display PNG bytes with alt text, as a JPEG if asked for, else with 256 colours: a third as large."""
    from IPython.display import display
    from PIL import Image

    if not alt.strip():
        raise WorkbookError("A picture needs alt text: say in a sentence what it shows.")
    alt, kind = " ".join(alt.split()), "image/jpeg" if jpeg else "image/png"
    picture, buffer = Image.open(io.BytesIO(data)).convert("RGB"), io.BytesIO()
    if not jpeg:
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(buffer, kind[6:], quality=62, optimize=True)
    bundle = {kind: base64.b64encode(buffer.getvalue()).decode("ascii"), "text/plain": alt}
    display(bundle, metadata={kind: {"alt": alt}}, raw=True)


def holds_pictures(figure: Figure) -> bool:
    """Whether a figure shows pictures, and not only the coloured cells of a table."""
    kinds = {image.get_interpolation() for axes in figure.axes for image in axes.images}
    return "bicubic" in kinds


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, at most 900 pixels wide, the same bytes for the same figure; closes it."""
    buffer = io.BytesIO()
    dpi = min(STYLE["figure.dpi"], MAX_PIXELS / figure.get_figwidth())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # drawn as a box
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)
    return buffer.getvalue()


def grid(rows: int = 1, columns: int = 1, *, width: float = 7.5, height: float = 3.8, **subplots):
    """A figure in the workbook's style (inches) and its axes, as `pyplot.subplots` returns them."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **subplots)


def bars(
    labels: Sequence[str], values: Sequence[float], *, x_label: str, y_label: str, title: str = "",
    highlight: Sequence[int] = (), errors: Sequence[Interval] | None = None, horizontal: bool = False,
    value_format: str = "", limits: Interval | None = None, axes: Axes | None = None,
) -> Figure:  # fmt: skip
    """One bar a label, the first on the left or on top.

    highlight: indices of bars in the second colour; errors: a (low, high) interval for each bar;
    value_format: such as ".2f" or ".0%", writes each value beside its bar; limits: of the value axis.
    """
    figure, axes = _axes(axes, height=max(2.4, 0.42 * len(labels) + 1.2) if horizontal else 3.8)
    value_axis, label_axis, spread = ("x", "y", "xerr") if horizontal else ("y", "x", "yerr")
    values = np.asarray(values, dtype=float)
    colours = [PALETTE[int(i in set(highlight))] for i in range(len(values))]
    style = {"color": colours, "error_kw": {"capsize": 4}}
    if errors is not None:
        style[spread] = np.abs(np.asarray(errors, dtype=float).T - values)
    drawn = (axes.barh if horizontal else axes.bar)(range(len(values)), values, 0.72, **style)
    (axes.set_yticks if horizontal else axes.set_xticks)(range(len(labels)), labels)
    if horizontal:
        axes.invert_yaxis()
    axes.grid(False, axis=label_axis)
    axes.tick_params(axis=label_axis, length=0)
    if value_format:
        axes.bar_label(drawn, [format(value, value_format) for value in values], padding=4)
        axes.margins(**{value_axis: 0.14})
    return _finish(axes, x_label, y_label, title, **{f"{value_axis}lim": limits})


def lines(
    x: Sequence[float], series: Mapping[str, Sequence[float]], *, x_label: str, y_label: str, title: str = "",
    bands: Mapping[str, Sequence[Interval]] | None = None, log_x: bool = False, log_y: bool = False,
    limits: Interval | None = None, axes: Axes | None = None,
) -> Figure:  # fmt: skip
    """One line a series, told apart by colour and marker; a legend names them when there are several.

    bands: by series name, a (low, high) interval for each x, drawn as a pale area; limits: of the y axis.
    """
    _, axes = _axes(axes)
    for i, (name, values) in enumerate(series.items()):
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)] if len(x) <= 40 else None
        axes.plot(x, values, color=colour, marker=marker, label=name)
        if bands and name in bands:
            low, high = np.asarray(bands[name], dtype=float).T
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
    for axis, is_log in ((axes.xaxis, log_x), (axes.yaxis, log_y)):
        if is_log:  # powers of ten would be formulas, and this style draws none
            axis.set_major_formatter("{x:g}")
    if len(series) > 1:
        axes.legend()
    return _finish(axes, x_label, y_label, title, ylim=limits)


def heatmap(
    values, *, rows: Sequence, columns: Sequence, x_label: str, y_label: str, value_label: str,
    title: str = "", value_format: str = ".2f", limits: Interval | None = None, axes: Axes | None = None,
) -> Figure:  # fmt: skip
    """A (rows, columns) table as colours, dark is low, with the number in each cell ("" as format: without).

    limits: what the darkest and the brightest colour stand for.
    """
    table = np.asarray(values, dtype=float)
    figure, axes = _axes(axes, height=0.55 * len(rows) + 1.6)
    image = _cells(axes, table, rows, columns, "cividis", limits)
    for (row, column), value in np.ndenumerate(table) if value_format else ():
        ink = "#111111" if image.norm(value) > 0.55 else "white"
        axes.text(column, row, format(value, value_format), ha="center", va="center", color=ink)
    figure.colorbar(image, ax=axes, label=value_label, pad=0.02).outline.set_visible(False)
    return _finish(axes, x_label, y_label, title)


def pictures(
    images: Sequence, captions: Sequence[str] = (), *, columns: int = 0, rows: Sequence[str] = (),
    title: str = "", side: float = 1.5,
) -> Figure:  # fmt: skip
    """Pictures from left to right and from top to bottom, each under its caption, if there are captions.

    images: PIL pictures, or arrays (height, width, 3) of bytes or of shares from 0 to 1, or (height, width)
    in grey, whose darkest value becomes black; captions: one a picture, or one a column; columns: 0 for all
    in one row; rows: a name for each; side: of a picture, in inches. Small pictures are enlarged smoothly.
    """
    columns = columns or max(1, len(images))
    count = -(-len(images) // columns)
    if not len(images) or len(captions) not in (0, columns, len(images)) or len(rows) not in (0, count):
        raise WorkbookError(
            f"{len(images)} pictures in {count} rows of {columns}: give each picture or column a caption "
            "and each row a name, or none."
        )
    captions = [*captions, *[""] * (len(images) - len(captions))]
    lines_ = [
        max(text.count("\n") + bool(text) for text in captions[i * columns :][:columns]) for i in range(count)
    ]
    height = sum(side + 0.06 + 0.22 * number for number in lines_) + (0.45 if title else 0.1)
    figure, axes = grid(count, columns, width=columns * (side + 0.06) + (1.1 if rows else 0.1), height=height,
                        squeeze=False)  # fmt: skip
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.03, hspace=0, wspace=0)
    for i, place in enumerate(axes.flat):
        place.set_axis_off()
        if i < len(images):
            place.imshow(np.asarray(images[i]), cmap="gray", interpolation="bicubic")
            place.set_title(captions[i], fontsize=11, fontweight="normal", pad=4, loc="center")
    for name, line in zip(rows, axes, strict=bool(rows)):
        line[0].text(-0.06, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=11)
    figure.suptitle(title, fontsize=14, fontweight="bold", x=0.02, ha="left")
    return figure


def _axes(axes: Axes | None, height: float = 3.8) -> tuple[Figure, Axes]:
    return (axes.figure, axes) if axes is not None else grid(height=height)


def _finish(axes: Axes, x_label: str, y_label: str, title: str, **limits) -> Figure:
    if not x_label.strip() or not y_label.strip():
        raise WorkbookError("Both axes need a label, with its unit if it has one.")
    given = {name: limit for name, limit in limits.items() if limit is not None}
    axes.set(xlabel=x_label, ylabel=y_label, title=title, **given)
    return axes.figure


def _cells(axes: Axes, table: np.ndarray, rows: Sequence, columns: Sequence, colours: str, limits):
    """The table as coloured cells with row and column names and thin white lines between."""
    if table.shape != (len(rows), len(columns)):
        raise WorkbookError(f"The table has the shape {table.shape}, its labels {(len(rows), len(columns))}.")
    low, high = limits or (None, None)
    image = axes.imshow(table, cmap=colours, aspect="auto", vmin=low, vmax=high)
    axes.set_xticks(range(len(columns)), [str(name) for name in columns])
    axes.set_yticks(range(len(rows)), [str(name) for name in rows])
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(False)
    axes.grid(True, which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return image
