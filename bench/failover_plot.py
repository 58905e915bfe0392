"""The plot of bench/failover as an SVG: hit ratio and time of the requests, one line per
server. Written without gnuplot: a few kilobytes, and readable on light and dark pages."""

from math import log10

WIDTH, LEFT, RIGHT = 720, 60, 12
PANELS = ((34, 150), (214, 110))  # top, height
STYLE = """
text{font:12px system-ui,sans-serif;fill:#57606a}
.grid{stroke:#8886;stroke-width:1}
path{fill:none;stroke-width:2;stroke-linejoin:round}
.mcd{stroke:#0969da}.redis{stroke:#cf222e}.yrmcds{stroke:#8a6d00}
text.mcd{fill:#0969da;stroke:none}text.redis{fill:#cf222e;stroke:none}text.yrmcds{fill:#8a6d00;stroke:none}
@media(prefers-color-scheme:dark){text{fill:#9198a1}
.mcd{stroke:#58a6ff}.redis{stroke:#ff7b72}.yrmcds{stroke:#d9b84a}
text.mcd{fill:#58a6ff}text.redis{fill:#ff7b72}text.yrmcds{fill:#d9b84a}}
"""


class Panel:
    """Maps seconds and a value between bottom and top to the picture."""

    def __init__(self, place, begin, end, to_share):
        self.top, self.height = place
        self.begin, self.end, self.to_share = begin, end, to_share

    def x(self, seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * (seconds - self.begin) / (self.end - self.begin)

    def y(self, value):
        return self.top + self.height * (1 - min(max(self.to_share(value), 0), 1))

    def grid(self, value, label):
        y = self.y(value)
        return ('<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>'
                % (LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, label))

    def line(self, name, points):
        """Leaves out points between equal ones."""
        shown = [point for at, point in enumerate(points) if at in (0, len(points) - 1) or not
                 points[at - 1][1] == point[1] == points[at + 1][1]]
        return '<path class="%s" d="M%s"/>' % (name, "L".join(
            "%.0f %.1f" % (self.x(x), self.y(y)) for x, y in shown))


def write_data(path, results):
    """What the lines are made of, as a text file next to the picture."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("# seconds from the fault, hit ratio in percent, ms of the slowest hundredth\n")
        for result in results:
            file.write("\n# %s\n" % result.label)
            file.writelines("%.2f %.1f %.2f\n" % point for point in result.points)


def draw(path, title, description, results, timeout):
    """results: objects with name, label and points: (second, hit ratio in percent, ms)."""
    begin, end = round(results[0].points[0][0]), round(results[0].points[-1][0])
    ratio = Panel(PANELS[0], begin, end, lambda value: value / 100)
    low = 0.05
    times = Panel(PANELS[1], begin, end,
                  lambda value: log10(max(value, low) / low) / log10(timeout * 1.3 / low))
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d 372" role="img">' % WIDTH,
             "<title>%s</title><desc>%s</desc><style>%s</style>" % (title, description, STYLE.strip())]
    parts += [ratio.grid(value, "%d%%" % value) for value in (0, 25, 50, 75, 100)]
    parts += [times.grid(value, "%g ms" % value) for value in (0.1, 1, 10, 100) if value <= timeout]
    parts.append('<text x="%d" y="14">hit ratio of requests due in each 0.1 s</text>' % LEFT)
    parts.append('<text x="%d" y="204">time of the slowest hundredth</text>' % LEFT)
    parts.append('<path class="grid" stroke-dasharray="4 3" d="M%.0f 20V%d"/>' % (
        ratio.x(0), PANELS[1][0] + PANELS[1][1]))
    for second in range(begin, end + 1):
        parts.append('<text x="%.0f" y="342" text-anchor="middle">%d</text>' % (ratio.x(second), second))
    parts.append('<text x="%d" y="362" text-anchor="middle">seconds after the active machine was lost</text>'
                 % ((WIDTH + LEFT) // 2))
    for number, result in enumerate(results):
        parts.append(ratio.line(result.name, [(x, y) for x, y, _ in result.points]))
        parts.append(times.line(result.name, [(x, y) for x, _, y in result.points]))
        parts.append('<text class="%s" x="%.0f" y="%d" font-weight="600">%s</text>' % (
            result.name, ratio.x(begin + 0.34 * (end - begin)), PANELS[0][0] + 62 + 17 * number,
            result.label))
    parts.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
