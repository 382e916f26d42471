"""A figure rendered once, as a page of a PDF and as pixels at the same time.

Most of the time of a figure goes into matplotlib's artists, which work out what is to be drawn.
They do so in points, and every path, mark and text is then drawn on both.
"""

import io
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D, Bbox, TransformedPath
from PIL import Image

_POINTS = 72.0
"""Points in an inch, which are the units of a PDF."""
_MANY = 100
"""Marks from which on they are written at once."""
_ROUNDING = 1e-6
"""Rounding error of a number of pixels. A page is up to a pixel higher than its raster."""
_COMPRESSION = 3
"""Level of zlib's compression: above it, images become no smaller, and take twice the time."""


def rendered(figure: Figure, dpi: float, *, png: bool) -> dict[str, bytes]:
    """Return the PDF of a figure and, if `png`, its image: files by their formats.

    `dpi` are the dots per inch of the image, and of what the PDF holds as pixels. No text may be
    LaTeX's.
    """
    wide, high = figure.get_size_inches().tolist()
    page, usual = io.BytesIO(), figure.dpi
    figure.dpi = _POINTS
    file: Any = PdfFile(page, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
    try:
        file.newPage(wide, high)
        on_page: Any = Page(file, dpi, high, wide)  # type: ignore[no-untyped-call]
        raster: Any = RendererAgg(int(wide * dpi), int(high * dpi), dpi)  # type: ignore[no-untyped-call]
        on_both = Both(on_page, raster, dpi / _POINTS) if png else on_page
        renderer: Any = MixedModeRenderer(figure, wide, high, dpi, on_both)  # type: ignore[no-untyped-call]
        figure.draw(renderer)
        renderer.finalize()
        file.finalize()
    finally:
        file.close()
        figure.dpi = usual
    return {"pdf": page.getvalue(), **({"png": as_png(raster, dpi)} if png else {})}


def as_png(raster: Any, dpi: float) -> bytes:
    """Return what a renderer of pixels has drawn as a PNG file; nothing may be transparent."""
    size = int(raster.width), int(raster.height)
    image = Image.frombuffer("RGBA", size, bytes(raster.buffer_rgba()), "raw", "RGBA", 0, 1)
    file = io.BytesIO()
    image.convert("RGB").save(file, "png", dpi=(dpi, dpi), compress_level=_COMPRESSION)
    return file.getvalue()


class Page(RendererPdf):
    """A page of a PDF, on which many marks are written at once."""

    def draw_markers(
        self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any, face: Any = None
    ) -> None:
        """Draw a mark at every vertex of a path."""
        if len(path) < _MANY or path.codes is not None:
            super().draw_markers(gc, marker_path, marker_trans, path, trans, face)  # type: ignore[no-untyped-call]
            return
        self.check_gc(gc, face)  # type: ignore[no-untyped-call]
        mark = self.file.markerObject(
            marker_path, marker_trans, gc.fill(face), gc.stroke(), self.gc._linewidth,
            gc.get_joinstyle(), gc.get_capstyle(),
        ).pdfRepr()  # fmt: skip
        places = trans.transform(path.vertices)
        size = _POINTS * np.array([self.file.width, self.file.height])
        there = places[((places >= 0) & (places <= size)).all(axis=1)]  # which none is that is NaN
        moves = np.diff(there, axis=0, prepend=0.0).tolist()
        marks = (b"1 0 0 1 %.6f %.6f cm\n%s Do\n" % (x, y, mark) for x, y in moves)
        self.file.write(b"q\n%sQ\n" % b"".join(marks))


class Both:
    """A renderer that draws everything on a page and on a raster, which is `scale` times as large.

    What it does not draw itself, such as measuring, is done by the page's renderer.
    """

    def __init__(self, page: Any, raster: Any, scale: float) -> None:
        self._page, self._raster, self._scale = page, raster, scale
        self._larger = Affine2D().scale(scale)
        self._clips: dict[bytes, Bbox] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page, name)

    def draw_path(self, gc: Any, path: Any, transform: Any, face: Any = None) -> None:
        """Draw a path."""
        self._page.draw_path(gc, path, transform, face)
        self._raster.draw_path(self._on_raster(gc), path, self._scaled(transform), face)

    def draw_markers(
        self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any,
        face: Any = None,
    ) -> None:  # fmt: skip
        """Draw a mark at every vertex of a path."""
        self._page.draw_markers(gc, marker_path, marker_trans, path, trans, face)
        self._raster.draw_markers(
            self._on_raster(gc), marker_path, self._scaled(marker_trans), path,
            self._scaled(trans), face,
        )  # fmt: skip

    def draw_path_collection(
        self, gc: Any, master_transform: Any, paths: Any, all_transforms: Any, offsets: Any,
        offset_trans: Any, *looks: Any, **more: Any,
    ) -> None:  # fmt: skip
        """Draw several paths, each at one or several places."""
        own = paths, all_transforms, offsets
        self._page.draw_path_collection(gc, master_transform, *own, offset_trans, *looks, **more)
        self._raster.draw_path_collection(
            self._on_raster(gc), self._scaled(master_transform), *own,
            self._scaled(offset_trans), *looks, **more,
        )  # fmt: skip

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False,
        mtext: Any = None,
    ) -> None:  # fmt: skip
        """Write a text; `y` counts upwards on a page, and downwards on a raster."""
        self._page.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        self._raster.draw_text(
            self._on_raster(gc), x * self._scale, self._raster.height - y * self._scale, s, prop,
            angle, ismath, mtext,
        )  # fmt: skip

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Draw pixels that are as large as the raster's: they lie on whole ones of these."""
        on_raster = self._on_raster(gc)
        self._page.draw_image(gc, x, y, im, transform)
        left, below = (int(place * self._scale + _ROUNDING) for place in (x, y))
        self._raster.draw_image(on_raster, left, below, im)

    def _scaled(self, transform: Any) -> Affine2D:
        return Affine2D(self._larger.get_matrix() @ transform.get_matrix())

    def _on_raster(self, gc: Any) -> GraphicsContextBase:
        """Return how to draw on the raster: lengths are points for both, places are not."""
        made = GraphicsContextBase()
        made.copy_properties(gc)
        clip = gc.get_clip_rectangle()
        if clip is not None:
            points = np.asarray(clip.get_points())
            key = points.tobytes()
            if key not in self._clips:
                self._clips[key] = Bbox(points * self._scale)
            made.set_clip_rectangle(self._clips[key])
        path, transform = gc.get_clip_path()
        if path is not None:
            made.set_clip_path(TransformedPath(path, self._scaled(transform)))
        return made
