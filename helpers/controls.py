"""Interactive figures that lose nothing on paper."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from helpers import plots
from helpers.errors import WorkbookError
from helpers.session import is_live


def explore(
    draw: Callable[..., Figure], alt: str | Callable[..., str], *,
    sweep: Mapping[str, Sequence[Any]] | None = None, **controls,
) -> None:  # fmt: skip
    """Show `draw(**values)` with one widget (from ipywidgets) for each value.

    Live, moving a widget draws anew. Everywhere else (papermill, nbval, a web page) it shows one picture,
    from the widgets' first values; `sweep`, such as {"temperature": (0.5, 1.0, 1.5)}, makes it small
    multiples of the same draw, whose titles and axis limits must make them comparable. alt: the text for
    readers who do not see the picture, or a function of the values that returns it. A text describes the
    printed picture, so live the values stand in its place.
    """
    unknown = sorted(set(sweep or {}) - set(controls))
    if unknown:
        raise WorkbookError(f"There is no control for {unknown[0]}: sweep over {', '.join(controls)}.")
    if is_live():
        _live(draw, alt, controls)
        return
    values = {name: control.value for name, control in controls.items()}
    steps = [values]
    for name, choices in (sweep or {}).items():
        steps = [step | {name: choice} for step in steps for choice in choices]
    figures = [draw(**step) for step in steps]
    jpeg = all(map(plots.holds_pictures, figures))
    sheet = _tile(figures) if len(figures) > 1 else plots.png(figures[0])
    plots.show_png(sheet, alt(**values) if callable(alt) else alt, jpeg=jpeg)


def _live(draw: Callable[..., Figure], alt, controls: dict) -> None:
    """Controls above the picture, drawn anew when one of them changes."""
    import ipywidgets as widgets
    from IPython.display import display

    picture, caption = widgets.Image(format="png"), widgets.HTML()
    picture.layout.align_self = "flex-start"  # in its own size, not stretched to the width of the page

    def update(_change=None) -> None:
        values = {name: _exact(control.value) for name, control in controls.items()}
        try:
            picture.value, words = plots.png(draw(**values)), _caption(alt, values, controls)
        except WorkbookError as problem:  # a value the draw refuses: say so, keep the last picture
            words = str(problem)
        caption.value = html.escape(words)

    for control in controls.values():
        if hasattr(control.style, "description_width"):
            control.style.description_width = "100px"  # the usual 80 cut off "temperature"
        if isinstance(control, widgets.Text):
            control.layout.width = "460px"  # a whole prompt at once
        if control.has_trait("continuous_update"):
            control.continuous_update = False
        control.observe(update, names="value")
    update()
    display(widgets.VBox([*controls.values(), picture, caption]))


def _exact(value: Any) -> Any:
    """A slider's 0.7999999999999999 as the 0.8 that is written beside it."""
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _caption(alt: str | Callable[..., str], values: dict, controls: dict) -> str:
    """What stands below a live picture: its description, or the values that it was drawn with."""
    read = [f"{control.description or name} {values[name]}" for name, control in controls.items()]
    return alt(**values) if callable(alt) else f"Drawn with {', '.join(read)}."


def _tile(figures: list[Figure]) -> bytes:
    """Figures in rows of two, as one PNG picture, at most plots.MAX_PIXELS wide."""
    from PIL import Image

    for figure in figures:  # narrower before they shrink, so that the letters stay legible
        figure.set_size_inches(0.75 * figure.get_figwidth(), 0.85 * figure.get_figheight())
    tiles = [Image.open(io.BytesIO(plots.png(figure))).convert("RGB") for figure in figures]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    sheet = Image.new("RGB", (2 * width, -(-len(tiles) // 2) * height), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % 2 * width, i // 2 * height))
    sheet.thumbnail((plots.MAX_PIXELS, sheet.height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
