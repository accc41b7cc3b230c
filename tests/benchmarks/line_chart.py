# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a line chart with a logarithmic y-axis, as SVG."""

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 60, 120, 30, 45  # margins around the plot
# Distinguishable for color-blind readers and in print.
COLOURS = ["#0072b2", "#0072b2", "#d55e00", "#d55e00", "#009e73", "#009e73"]
DASHES = ["", "6 4"]


@dataclass(frozen=True)
class Line:
    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """Lines with common x values. x and y are the labels of the axes, and limit is a y value that is marked."""

    x: str
    y: str
    lines: list[Line]
    limit: float

    def svg(self) -> str:
        parts = [*self._scales(), *self._limit(), *self._lines()]
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                'font-family="sans-serif" font-size="12">',
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
                *parts,
                "</svg>",
                "",
            )
        )

    @property
    def _powers(self) -> range:
        """The powers of ten on the y-axis."""
        values = [y for line in self.lines for _x, y in line.points]
        return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)

    def _across(self, x: float) -> float:
        most = max(x for line in self.lines for x, _y in line.points)
        return LEFT + x / most * (WIDTH - LEFT - RIGHT)

    def _up(self, y: float) -> float:
        powers = self._powers
        share = (math.log10(y) - powers[0]) / (powers[-1] - powers[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def _scales(self) -> list[str]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = [_text(LEFT, TOP - 14, self.y, "start"), _text(right, bottom + 36, self.x, "end")]
        for power in self._powers:
            y = self._up(10**power)
            parts += [_path([(LEFT, y), (right, y)], "#ddd"), _text(LEFT - 8, y + 4, f"{10**power:g}", "end")]
        for x in sorted({x for line in self.lines for x, _y in line.points}):
            parts.append(_text(self._across(x), bottom + 18, f"{x:g}", "middle"))
        return parts

    def _limit(self) -> list[str]:
        y = self._up(self.limit)
        return [
            _path([(LEFT, y), (WIDTH - RIGHT, y)], "#888", "2 3"),
            _text(LEFT + 4, y - 4, f"{self.limit:g}", "start"),
        ]

    def _lines(self) -> list[str]:
        """Draw the lines, each with its name at the right end. Names that would overlap are moved apart."""
        parts, free = [], float(HEIGHT)
        ends = []
        for index, line in enumerate(self.lines):
            places = [(self._across(x), self._up(y)) for x, y in line.points]
            colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
            parts.append(_path(places, colour, dash, 2))
            ends.append((places[-1][1], line.name, colour))
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        for y, name, colour in sorted(ends, reverse=True):
            free = min(free - 14, y + 4)
            parts.append(_text(WIDTH - RIGHT + 8, free, name, "start", colour))
        return parts


def _path(places: list[tuple[float, float]], colour: str, dash: str = "", width: int = 1) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
