"""Draws docs/pictures/layers.svg: the rooms, and the way of one query.

    python3 docs/pictures/layers.py >docs/pictures/layers.svg

The script needs only Python's standard library.
"""

WIDTH, LEFT, RIGHT, TOP, LINE, GAP = 900, 24, 792, 70, 20, 8
INK, EDGE, PALE, BLUE, ORANGE = "#222222", "#9aa7b3", "#eef2f5", "#1f5f99", "#d9541e"

# Each room with its lines, last layer first. A line is text, or text and the
# number of the step of a query that happens there.
ROOMS = [
    ("tools", ["command line rct, Python module, Bazel wrapper, checks"]),
    ("experiments", ["workloads, sweeps, records, tables, plots"]),
    ("parity", ["oracle, frozen gold, gates, the conformance suite"]),
    ("index", [("checks the call; build, save, load, rebuild, telemetry", 1)]),
    ("heuristics", ["what fills a slot: level_cache, child_order, ...",
                    "composition: from a config to types"]),
    ("traversal", None),
    ("metric", [("kernels, V and p, correlations in tiles: the canonical bits", 4),
                "routines for each instruction set; rounding model"]),
    ("base", ["matrices, files of numbers, random streams, threads, monitors,",
              "errors, memory limits"]),
]
FLOOR = [("Searcher::Run: the same request for every strategy", 2),
         "kept candidates: bounds, theta, exact evaluation at the end",
         ("KnnHeap keeps the k nearest; NeighborTable is the answer", 5)]
WINGS = [("tree", ["cover tree and slots:", "LEVEL_SYNCHRONOUS,", "BEST_FIRST"]),
         ("exhaustive", ["every pair, in tiles:", "EXHAUSTIVE,", "the float screen"]),
         ("block", ["skeletons and tables:", "BLOCK, the default", "for correlations"])]


def text(x, y, words, size=14, color=INK, more=""):
    print(f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}"{more}>{words}</text>')


def box(x, y, width, height, fill, edge=EDGE):
    print(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" '
          f'stroke="{edge}"/>')


def badge(x, y, number):
    print(f'<circle cx="{x}" cy="{y}" r="10" fill="{ORANGE}"/>')
    text(x, y + 5, number, 13, "white", ' font-weight="bold" text-anchor="middle"')


def lines(x, y, content):
    for line in content:
        words, step = line if isinstance(line, tuple) else (line, None)
        text(x, y, words)
        if step:
            badge(RIGHT - 22, y - 5, step)
        y += LINE


def height_of(content):
    if content is None:
        return 12 + len(FLOOR) * LINE + 16 + 26 + 3 * LINE + 22
    return 14 + len(content) * LINE


def traversal(y):
    inner, width = LEFT + 128, (RIGHT - LEFT - 128 - 16 - 2 * 12 - 38) // 3
    lines(inner, y + 26, FLOOR)
    top = y + 26 + len(FLOOR) * LINE - 2
    for number, (name, content) in enumerate(WINGS):
        x = inner + number * (width + 12)
        box(x, top, width, 34 + 3 * LINE, "white", BLUE)
        text(x + 12, top + 22, name, 15, BLUE, ' font-weight="bold"')
        for line, words in enumerate(content):
            text(x + 12, top + 44 + LINE * line, words)
    badge(RIGHT - 22, top + 17, 3)


def main():
    height = TOP + sum(height_of(content) + GAP for _, content in ROOMS) + 18
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
          'font-family="Helvetica, Arial, sans-serif">')
    print("<title>The rooms of rct and the way of one query</title>")
    print(f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#fcfcfa" stroke="#e4e4e4"/>')
    text(LEFT, 38, "A room includes from the rooms below it, never from those above", 16, INK,
         ' font-weight="bold"')
    text(RIGHT, 38, "one query: steps 1 to 5", 14, ORANGE, ' text-anchor="end" font-weight="bold"')
    y = TOP
    for name, content in ROOMS:
        room = height_of(content)
        box(LEFT, y, RIGHT - LEFT, room, PALE)
        text(LEFT + 14, y + 24, name, 16, BLUE, ' font-weight="bold"')
        if content is None:
            traversal(y)
        else:
            lines(LEFT + 128, y + 24, content)
        y += room + GAP
    bottom, x = y - GAP - 4, RIGHT + 40
    print(f'<line x1="{x}" x2="{x}" y1="{TOP + 4}" y2="{bottom - 12}" stroke="{INK}" '
          'stroke-width="3"/>')
    print(f'<path d="M {x - 9} {bottom - 14} L {x + 9} {bottom - 14} L {x} {bottom} Z" '
          f'fill="{INK}"/>')
    middle = (TOP + bottom) // 2
    text(x + 30, middle, "may include", 15, INK,
         f' text-anchor="middle" transform="rotate(90 {x + 24} {middle})"')
    print("</svg>")


if __name__ == "__main__":
    main()
