"""Draws docs/pictures/block.svg: how BLOCK finds the neighbors of one query.

    python3 docs/pictures/block.py >docs/pictures/block.svg

The picture is computed: it shows the search of docs/block.md on 1,024 points
in the plane, in float64 and without the slacks for rounding. The script needs
only Python's standard library.
"""

import math
import random

# The problem: a smooth kernel, inducing points on a grid, and one query.
NUM_POINTS, GRID, LENGTHSCALE, JITTER, K = 1024, 5, 0.14, 1e-6, 10
QUERY_AT = (0.60, 0.62)

# The blocks and their skeletons.
BLOCK, SUB_BLOCK, RMS_RESIDUAL = 64, 16, 0.13

# The drawing, in units of its view box.
WIDTH, HEIGHT, MARGIN, MAP, STEP, MAP_TOP = 900, 660, 24, 264, 294, 54
CHART_TOP, CHART_BOTTOM, CHART_POINTS = 446, 606, 60
ZOOM = 0.3  # the side of the third map
INK, GRAY, PALE, BLUE, ORANGE = "#222222", "#8c8c8c", "#e4e4e4", "#1f5f99", "#d9541e"


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def length(x):
    return math.sqrt(dot(x, x))


def root(x):
    return math.sqrt(max(0.0, x))


def covariance(x, y):
    return math.exp(-0.5 * (math.dist(x, y) / LENGTHSCALE)**2)


def solve(lower, rhs):
    """Returns x with lower x = rhs, for a lower triangle in rows."""
    x = []
    for row, value in zip(lower, rhs):
        x.append((value - dot(row[:-1], x)) / row[-1])
    return x


def cholesky(matrix):
    """Returns the lower triangle L, in rows, with L L^T = matrix."""
    rows = []
    for i, row in enumerate(matrix):
        new = solve(rows, row[:i])
        rows.append(new + [math.sqrt(row[i] - dot(new, new))])
    return rows


class Residual:
    """The residual correlation of points."""

    def __init__(self, points, inducing):
        self.points = points
        factor = cholesky([[covariance(a, b) + (JITTER if a is b else 0) for b in inducing]
                           for a in inducing])
        self.v = [solve(factor, [covariance(z, x) for z in inducing]) for x in points]
        self.scale = [1 / math.sqrt(1 + JITTER - dot(v, v)) for v in self.v]

    def rho(self, i, j):
        if i == j:
            return 1.0
        rest = covariance(self.points[i], self.points[j]) - dot(self.v[i], self.v[j])
        return rest * self.scale[i] * self.scale[j]


def partition(points, ids, box):
    """Splits at the median of the wider side; returns (sub-block, its box) in order."""
    if len(ids) <= SUB_BLOCK:
        return [(ids, box)]
    spread = [max(points[i][t] for i in ids) - min(points[i][t] for i in ids) for t in (0, 1)]
    side = 0 if spread[0] >= spread[1] else 1
    ids = sorted(ids, key=lambda i: points[i][side])
    half = len(ids) // 2
    cut = (points[ids[half - 1]][side] + points[ids[half]][side]) / 2
    lower, upper = (list(box), list(box))
    lower[2 + side] = upper[side] = cut
    return partition(points, ids[:half], lower) + partition(points, ids[half:], upper)


class Block:
    """A block and its skeleton, made by pivoted Cholesky."""

    def __init__(self, metric, parts):
        self.subs = [ids for ids, _ in parts]
        self.sub_boxes = [box for _, box in parts]
        self.ids = [i for ids in self.subs for i in ids]
        low = [min(box[t] for box in self.sub_boxes) for t in (0, 1)]
        self.box = low + [max(box[t] for box in self.sub_boxes) for t in (2, 3)]
        self.members = []
        self.w = {i: [] for i in self.ids}
        left = {i: 1.0 for i in self.ids}
        while math.sqrt(sum(left.values()) / len(left)) > RMS_RESIDUAL:
            pivot = max(left, key=left.get)
            at, size = self.w[pivot][:], math.sqrt(left[pivot])
            for i in self.ids:
                value = 0.0
                if i not in self.members:
                    value = (metric.rho(pivot, i) - dot(self.w[i], at)) / size
                self.w[i].append(value)
                left[i] = max(0.0, left[i] - value**2)
            left[pivot] = 0.0
            self.members.append(pivot)
        self.e = {i: math.sqrt(left[i]) for i in self.ids}
        self.factor = [self.w[i][:r + 1] for r, i in enumerate(self.members)]


def table(metric, to, source):
    """Returns C, which takes coordinates in the skeleton of `source` to that of `to`."""
    rho = [[metric.rho(a, b) for b in source.members] for a in to.members]
    half = [solve(to.factor, column) for column in zip(*rho)]
    return [solve(source.factor, row) for row in zip(*half)]


class Search:
    """The search for one query, and what became of blocks, sub-blocks and points."""

    def __init__(self, metric, blocks, query):
        self.theta, self.bounds = 0.0, {}
        self.far_blocks, self.far_boxes = [], []
        own = next(block for block in blocks if query in block.ids)
        w, e = own.w[query], own.e[query]
        self.add({j: abs(dot(w, own.w[j])) for j in own.ids}, {j: e * own.e[j] for j in own.ids})
        others = []
        for block in blocks:
            if block is not own:
                c = table(metric, block, own)
                others.append((block, c, [dot(row, w) for row in c]))
        for block, c, y in sorted(others, key=lambda other: -length(other[2])):
            self.search_block(block, c, y, e, min(1.0, root(dot(w, w) - dot(y, y)) + e))
        self.kept = [j for j, (_, upper) in self.bounds.items() if upper >= self.theta]
        self.exact = {j: abs(metric.rho(query, j)) for j in self.bounds}
        self.nearest = sorted(self.kept, key=lambda j: -self.exact[j])[:K]

    def search_block(self, block, c, y, e, outside):
        columns = list(zip(*c))
        gap = {j: root(dot(w, w) - sum(dot(column, w)**2 for column in columns))
               for j, w in block.w.items()}

        def rest(ids):
            return outside * max(block.e[j] for j in ids) + e * max(gap[j] for j in ids)

        longest = max(length(w) for w in block.w.values())
        if length(y) * longest + rest(block.ids) < self.theta:
            self.far_blocks.append(block)
            return
        near = []
        for ids, box in zip(block.subs, block.sub_boxes):
            if cone_bound([block.w[j] for j in ids], y) + rest(ids) < self.theta:
                self.far_boxes.append(box)
            else:
                near += ids
        self.add({j: abs(dot(y, block.w[j])) for j in near},
                 {j: outside * block.e[j] + e * gap[j] for j in near})

    def add(self, middle, width):
        for j in middle:
            self.bounds[j] = (max(0.0, middle[j] - width[j]), min(1.0, middle[j] + width[j]))
        lower = sorted((bound[0] for bound in self.bounds.values()), reverse=True)
        self.theta = max(self.theta, lower[K - 1])


def cone_bound(coordinates, y):
    """Bounds |y . w| over `coordinates` by a cone around their lines."""
    axis = [0.0] * len(y)
    for w in coordinates:
        sign = math.copysign(1 / length(w), dot(w, coordinates[0]))
        axis = [a + sign * x for a, x in zip(axis, w)]

    def angle(w):
        return math.acos(min(1.0, abs(dot(axis, w)) / (length(axis) * length(w))))

    widest = max(angle(w) for w in coordinates)
    return (length(y) * max(length(w) for w in coordinates) *
            math.cos(max(0.0, angle(y) - widest)))


def text(x, y, words, size=13, color=INK, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}"{more}>'
            f'{words}</text>')


class Map:
    """A square window of the plane, given by its lower left corner and its side."""

    def __init__(self, number, title, caption, corner=(0, 0), side=1):
        self.left = MARGIN + number * STEP
        self.corner, self.side = corner, side
        bold = ' font-weight="bold"'
        self.out = [text(self.left, 36, f"{number + 1}", 22, ORANGE, bold),
                    text(self.left + 22, 36, title, 15, INK, bold)]
        for line, words in enumerate(caption):
            self.out.append(text(self.left, MAP_TOP + MAP + 22 + 18 * line, words))

    def place(self, point):
        x, y = ((point[t] - self.corner[t]) / self.side for t in (0, 1))
        return self.left + MAP * x, MAP_TOP + MAP * (1 - y)

    def rectangle(self, box, fill, stroke, more=""):
        low = [max(box[t], self.corner[t]) for t in (0, 1)]
        high = [min(box[2 + t], self.corner[t] + self.side) for t in (0, 1)]
        if low[0] >= high[0] or low[1] >= high[1]:
            return
        (left, bottom), (right, top) = self.place(low), self.place(high)
        self.out.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                        f'height="{bottom - top:.1f}" fill="{fill}" stroke="{stroke}"{more}/>')

    def circle(self, point, radius, fill, more=""):
        if all(0 <= point[t] - self.corner[t] <= self.side for t in (0, 1)):
            x, y = self.place(point)
            self.out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}"{more}/>')

    def query(self, point):
        self.circle(point, 8, "none", f' stroke="{INK}" stroke-width="2.2"')


def draw_chart(search):
    """The bounds on |rho| of the most promising points, and theta."""
    out = []

    def height(value):
        return CHART_BOTTOM - (CHART_BOTTOM - CHART_TOP) * value

    left, right = MARGIN + 34, WIDTH - MARGIN
    for value in (0, 0.5, 1):
        out.append(f'<line x1="{left}" x2="{right}" y1="{height(value):.1f}" '
                   f'y2="{height(value):.1f}" stroke="{PALE}" stroke-width="1"/>')
        out.append(text(left - 8, height(value) + 4.5, value, 13, INK, ' text-anchor="end"'))
    ids = sorted(search.bounds, key=lambda j: -search.bounds[j][1])[:CHART_POINTS]
    step = (right - left) / len(ids)
    for place, j in enumerate(ids):
        x = left + (place + 0.5) * step
        low, high = search.bounds[j]
        color = ORANGE if j in search.kept else GRAY
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{height(low):.1f}" '
                   f'y2="{height(high):.1f}" stroke="{color}" stroke-width="6"/>')
        out.append(f'<circle cx="{x:.1f}" cy="{height(search.exact[j]):.1f}" r="2.6" '
                   f'fill="{INK}"/>')
    y = height(search.theta)
    out.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{BLUE}" '
               f'stroke-width="2" stroke-dasharray="7 4"/>')
    out.append(text(right, y - 8, f"theta: {K} points are known to reach this", 13, BLUE,
                    ' text-anchor="end"'))
    return out


def main():
    stream = random.Random(12)
    points = [(stream.random(), stream.random()) for _ in range(NUM_POINTS)]
    inducing = [((i % GRID + 0.5) / GRID, (i // GRID + 0.5) / GRID) for i in range(GRID**2)]
    metric = Residual(points, inducing)
    parts = partition(points, list(range(NUM_POINTS)), [0, 0, 1, 1])
    per_block = BLOCK // SUB_BLOCK
    blocks = [Block(metric, parts[p:p + per_block]) for p in range(0, len(parts), per_block)]
    query = min(range(NUM_POINTS), key=lambda i: math.dist(points[i], QUERY_AT))
    search = Search(metric, blocks, query)
    every = sorted(range(NUM_POINTS), key=lambda j: -abs(metric.rho(query, j)))
    assert set(search.nearest) == set(every[:K])
    assert all(abs(points[i][t] - points[query][t]) < ZOOM / 2 for i in search.kept for t in (0, 1))

    ranks = [len(block.members) for block in blocks]
    first = Map(0, "Blocks and skeletons", [
        f"{NUM_POINTS:,} points in {len(blocks)} blocks. Of each block,",
        f'{min(ranks)} to {max(ranks)} points, its '
        f'<tspan fill="{BLUE}" font-weight="bold">skeleton</tspan>, describe',
        "the others, with a known error."])
    second = Map(1, "Bounds dismiss", [
        f"For the query (ring) {len(search.far_blocks)} blocks are dismissed",
        f"whole (dark), then {len(search.far_boxes)} sub-blocks (light).",
        f"{len(search.bounds)} points are bounded one by one."])
    corner = [points[query][t] - ZOOM / 2 for t in (0, 1)]
    third = Map(2, "What is kept is evaluated", [
        f'<tspan fill="{ORANGE}" font-weight="bold">{len(search.kept)} points</tspan>, all in the dashed square, '
        "may be",
        f"among the {K} nearest. They alone are",
        f"evaluated exactly (black: the {K} nearest)."], corner, ZOOM)
    for block in blocks:
        first.rectangle(block.box, "white", GRAY)
        second.rectangle(block.box, "#c9c9c9" if block in search.far_blocks else "white", GRAY)
        third.rectangle(block.box, "white", GRAY)
    for box in search.far_boxes:
        second.rectangle(box, "#ececec", PALE)
    for block in blocks:
        second.rectangle(block.box, "none", GRAY)
    members = {i for block in blocks for i in block.members}
    for i, point in enumerate(points):
        member, bounded, kept = i in members, i in search.bounds, i in search.kept
        first.circle(point, 3 if member else 1.2, BLUE if member else GRAY)
        second.circle(point, 1.6 if bounded else 1, INK if bounded else "#a0a0a0")
        third.circle(point, 5.5 if kept else 2, ORANGE if kept else GRAY)
    for i in search.nearest:
        third.circle(points[i], 2.5, "black")
    second.query(points[query])
    second.rectangle(corner + [low + ZOOM for low in corner], "none", ORANGE,
                     ' stroke-width="1.6" stroke-dasharray="5 3"')
    third.query(points[query])

    bold = ' font-weight="bold"'
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
          'font-family="Helvetica, Arial, sans-serif">')
    print("<title>How BLOCK finds the neighbors of one query</title>")
    print(f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fcfcfa" stroke="{PALE}"/>')
    for picture in (first, second, third):
        print("\n".join(picture.out))
    print(text(MARGIN, CHART_TOP - 26, "The bounds behind it", 15, INK, bold))
    print(text(MARGIN + 160, CHART_TOP - 26,
               f"|rho| of the {CHART_POINTS} most promising points: bounds (bars) and true values (dots)"))
    print("\n".join(draw_chart(search)))
    print(text(MARGIN + 34, CHART_BOTTOM + 28,
               f'<tspan fill="{ORANGE}" font-weight="bold">Bars that reach theta</tspan> are kept. '
               f"The others are dismissed: {K} points are certainly nearer."))
    print("</svg>")


if __name__ == "__main__":
    main()
