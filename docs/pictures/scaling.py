"""Draws docs/pictures/scaling.svg: the forecasts of docs/scale.md by ranks.

    python3 docs/pictures/scaling.py >docs/pictures/scaling.svg

The script needs only Python's standard library.
"""

import math
import os

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scale.md")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 470, 84, 64, 560, 400
INK, EDGE, BLUE, ORANGE = "#222222", "#c9d1d8", "#1f5f99", "#d9541e"
SERIES = [("Matern 1/2", BLUE), ("RBF", ORANGE)]
RANKS, SECONDS = (1, 4, 16, 64, 256), (1, 10, 100, 1000, 10000)


def rows(kernel):
    """Returns (n, ranks, cells, clock) of each row of a kernel's table."""
    with open(PAGE, encoding="utf-8") as page:
        table = page.read().split(f"<!-- cluster {kernel} -->")[1].split("<!--")[0]
    for line in table.splitlines():
        if line.startswith("| 10^"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield cells[0], int(cells[1]), int(cells[2]), float(cells[11])


def x_of(ranks):
    return LEFT + (RIGHT - LEFT) * math.log(ranks) / math.log(RANKS[-1])


def y_of(seconds):
    return BOTTOM - (BOTTOM - TOP) * math.log10(seconds) / math.log10(SECONDS[-1])


def text(x, y, words, size=14, color=INK, more=""):
    print(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}"{more}>{words}</text>')


def path(points, color, more=""):
    way = " ".join(f"{x_of(r):.1f},{y_of(s):.1f}" for r, s in points)
    print(f'<polyline points="{way}" fill="none" stroke="{color}"{more}/>')


def axes():
    for ranks in RANKS:
        path([(ranks, 1), (ranks, SECONDS[-1])], EDGE)
        text(x_of(ranks), BOTTOM + 22, ranks, more=' text-anchor="middle"')
    for seconds in SECONDS:
        path([(1, seconds), (RANKS[-1], seconds)], EDGE)
        text(LEFT - 10, y_of(seconds) + 5, f"{seconds} s", more=' text-anchor="end"')
    text((LEFT + RIGHT) / 2, BOTTOM + 48, "ranks of one core", more=' text-anchor="middle"')


def line_of(kernel, color, n, cells, dash):
    points = [(r, s) for m, r, c, s in rows(kernel) if m == n and c == cells]
    work = points[0][0] * points[0][1]
    last = min(RANKS[-1], work)  # where the axis ends
    path([points[0], (last, work / last)], color,
         ' stroke-width="1" opacity="0.45"')
    path(points, color, f' stroke-width="2.5"{dash}')
    for ranks, seconds in points:
        print(f'<circle cx="{x_of(ranks):.1f}" cy="{y_of(seconds):.1f}" r="4" fill="{color}"/>')
    return points[-1]


def main():
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
          'font-family="Helvetica, Arial, sans-serif">')
    print("<title>Forecasts of seconds by ranks</title>")
    print(f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fcfcfa" stroke="#e4e4e4"/>')
    text(24, 36, "Forecasts: more ranks for the same points", 16, INK, ' font-weight="bold"')
    axes()
    ends = []
    for kernel, color in SERIES:
        for n, cells, dash in (("10^8", 4096, ""), ("10^8", 1024, ' stroke-dasharray="3 5"'),
                               ("10^7", 1024, "")):
            end = line_of(kernel, color, n, cells, dash)
            ends.append((y_of(end[1]), f"{kernel}, {n} points, {cells} cells", color))
    # From the lowest up, so that no label is on another.
    lowest = BOTTOM + 20
    for y, words, color in sorted(ends, reverse=True):
        lowest = min(y, lowest - 18)
        text(RIGHT + 14, lowest + 5, words, 14, color)
    text(RIGHT + 14, BOTTOM + 48, "thin lines: half the time for twice the ranks", 13)
    print("</svg>")


main()
