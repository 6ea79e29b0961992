"""A plot of the figures side by side, as SVG that reads on a light page and on a dark one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_LABEL, _SIDE, _RIGHT = 330, 220, 60
_ROW, _TOP, _BOTTOM = 22, 64, 34
_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #57606a } .title { font-size: 15px; font-weight: 600; fill: #24292f }
.grid { stroke: #8c959f; stroke-opacity: .35 } .even { stroke: #57606a }
.ahead { fill: #2da44e } .behind { fill: #bc4c00 }
@media (prefers-color-scheme: dark) { text { fill: #9198a1 } .title { fill: #f0f6fc } .even { stroke: #9198a1 }
.ahead { fill: #3fb950 } .behind { fill: #db6d28 } }"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure: how many times better ours is than theirs; below 1: worse."""

    label: str
    times: float


def draw(bars: Sequence[Bar], peer: str) -> str:
    """Bars to the right where Quillroom is ahead, to the left where it is behind, on a logarithmic scale."""
    farthest = max([2.0, *(max(bar.times, 1 / bar.times) for bar in bars)])
    decades = math.log10(farthest) * 1.05
    middle = _LABEL + _SIDE
    width, height = middle + _SIDE + _RIGHT, _TOP + _ROW * len(bars) + _BOTTOM
    bottom = height - _BOTTOM + 6

    def place(times: float) -> float:
        return middle + math.log10(times) / decades * _SIDE

    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    words = escape(f"Quillroom beside {peer}: how many times better or worse")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{words}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="22">Quillroom beside {escape(peer)}, one core each</text>',
        f'<text x="{middle + 8}" y="46">times better →</text>',
        f'<text x="{middle - 8}" y="46" text-anchor="end">← times worse</text>',
    ]
    for mark in _marks(farthest):
        for times in sorted({mark, 1 / mark}):
            at = place(times)
            kind = "even" if mark == 1 else "grid"
            parts.append(
                f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 8}" y2="{bottom}"/>'
                f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{mark:g}</text>'
            )
    for number, bar in enumerate(bars):
        y = _TOP + _ROW * number
        start, end = sorted((middle, place(bar.times)))
        ahead = bar.times >= 1
        words = f"{bar.times if ahead else 1 / bar.times:.1f}×"
        beside = f'x="{end + 5:.1f}"' if ahead else f'x="{start - 5:.1f}" text-anchor="end"'
        parts.append(
            f'<text x="8" y="{y + 12}">{escape(bar.label)}</text>'
            f'<rect class="{"ahead" if ahead else "behind"}" x="{start:.1f}" y="{y + 1}" '
            f'width="{max(1.0, end - start):.1f}" height="14" rx="2"/><text {beside} y="{y + 12}">{words}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _marks(farthest: float) -> list[int]:
    return [mark for mark in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if mark <= farthest * 1.05]
