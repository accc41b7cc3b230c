# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a horizontal bar chart as SVG: each item's name, with one bar per kind below it."""

from dataclasses import dataclass
from html import escape

WIDTH = 640
LEFT, RIGHT, TOP, BOTTOM = 12, 60, 40, 12  # margins around the bars
NAME, BAR, GAP = 17, 10, 8  # heights
# Distinguishable for color-blind readers and in print.
COLOURS = ["#0072b2", "#d55e00"]


@dataclass(frozen=True)
class Bars:
    """The lengths of the bars by item and kind. An item can lack kinds."""

    unit: str
    kinds: list[str]
    lengths: dict[str, dict[str, float]]

    def svg(self) -> str:
        parts, y = self._legend(), float(TOP)
        for name, lengths in self.lengths.items():
            parts.append(_text(LEFT, y + NAME - 5, name))
            y += NAME
            for kind in self.kinds:
                if kind in lengths:
                    parts += self._bar(y, lengths[kind], COLOURS[self.kinds.index(kind)])
                    y += BAR + 1
            y += GAP
        height = round(y + BOTTOM)
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                'font-family="sans-serif" font-size="12">',
                f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
                *parts,
                "</svg>",
                "",
            )
        )

    def _bar(self, y: float, length: float, colour: str) -> list[str]:
        longest = max(length for lengths in self.lengths.values() for length in lengths.values())
        width = length / longest * (WIDTH - LEFT - RIGHT)
        return [
            f'<rect x="{LEFT}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
            _text(LEFT + width + 5, y + BAR - 1, f"{length:.2f}", colour),
        ]

    def _legend(self) -> list[str]:
        parts, x = [_text(LEFT, TOP - 20, self.unit)], LEFT + 7.0 * len(self.unit) + 20
        for kind, colour in zip(self.kinds, COLOURS, strict=False):
            parts.append(f'<rect x="{x:.1f}" y="{TOP - 29}" width="14" height="{BAR}" fill="{colour}"/>')
            parts.append(_text(x + 20, TOP - 20, kind, colour))
            x += 20 + 7 * len(kind) + 20
        return parts


def _text(x: float, y: float, text: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{escape(text)}</text>'
