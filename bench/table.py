"""A table of figures that were taken in turn, round by round: medians, how far the rounds lay apart, and
ratios to a base.

A ratio is the median of the rounds' ratios: what the machine did in a round, it did to both."""

import os
import statistics

import gnuplot

BEFORE = ", before"  # ends the names of rows and groups of another build
BARS = """
set ylabel "{label}"
{scale}
set style data histogram
set style histogram errorbars gap 1 lw 1
set errorbars small lc rgb "#333333"
set style fill solid 0.9 noborder
set key outside top center horizontal
set xtics font ",11"
plot {parts}
"""
LINES = """
set xlabel "{x}"
set ylabel "{label}"
set logscale xy
set key top left
plot {parts}
"""


class Table:
    def __init__(self, title, columns, base=None, first="load", undrawn=()):
        """columns: name -> format of its figures. base: the row of each group to which ratios are told.
        undrawn: rows that plots leave out, because they would dwarf the others or say the same."""
        self.title, self.columns, self.base, self.first = title, columns, base, first
        self.undrawn = undrawn
        self.groups = {}  # group -> row -> column -> figures

    def add(self, group, row, **figures):
        """What a round has found."""
        columns = self.groups.setdefault(group, {}).setdefault(row, {})
        for name, figure in figures.items():
            if name in self.columns:
                columns.setdefault(name, []).append(figure)

    def median(self, group, row, column):
        return statistics.median(self.groups[group][row][column])

    def ratio(self, group, row, column):
        """To the base; nothing if there is none."""
        rows = self.groups[group]
        if self.base not in rows or row == self.base or column not in rows[self.base]:
            return None
        pairs = list(zip(rows[row][column], rows[self.base][column]))
        ratios = [ours / base for ours, base in pairs if base]
        return statistics.median(ratios) if ratios else None

    def __str__(self):
        """One line a row; for each column the median, the least and the most, and the ratio."""
        lines = [self.title, ""]
        width = max([len(self.first)] + [len(group) for group in self.groups])
        names = max(len(row) for rows in self.groups.values() for row in rows)
        lines.append("%-*s  %-*s" % (width, self.first, names, "") + "".join(
            "  %28s" % name.replace("_", " ") for name in self.columns))
        for group, rows in self.groups.items():
            for row in rows:
                lines.append("%-*s  %-*s" % (width, group, names, row) + "".join(
                    "  %28s" % self.cell(group, row, column) for column in self.columns))
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def cell(self, group, row, column):
        figures = self.groups[group][row].get(column)
        if not figures:
            return "-"
        form, ratio = self.columns[column], self.ratio(group, row, column)
        text = form % statistics.median(figures)
        if len(figures) > 1:
            text += " (%s-%s)" % (form % min(figures), form % max(figures))
        return text + ("" if ratio is None else " x%.2f" % ratio)

    # ---- plots

    def rows(self):
        names = []
        for _, rows in self.drawn():
            names += [row for row in rows if row not in names and row not in self.undrawn
                      and not row.endswith(BEFORE)]
        return names

    def drawn(self):
        """Another build is in the tables only."""
        return [(group, rows) for group, rows in self.groups.items() if not group.endswith(BEFORE)]

    def draw_bars(self, svg, column, label, least=None):
        """A group of bars for each group of rows, with the least and the most. least: where a logarithmic
        scale begins."""
        def lines(row):
            for group, rows in self.drawn():
                figures = rows.get(row, {}).get(column)
                yield '"%s" %s' % (group, "%g %g %g" % (
                    statistics.median(figures), min(figures), max(figures)) if figures else "0 0 0")
        scale = "set logscale y\nset yrange [%g:*]" % least if least else "set yrange [0:*]"
        self.draw(svg, BARS.replace("{scale}", scale), label, lines,
                  'using 2:3:4:xtic(1) lc rgb "{colour}" title "{row}"')

    def draw_lines(self, svg, column, label):
        """The groups are numbers: one line for each row."""
        def lines(row):
            for group, rows in self.drawn():
                if column in rows.get(row, {}):
                    yield "%s %g" % (group.replace(",", ""), statistics.median(rows[row][column]))
        self.draw(svg, LINES, label, lines,
                  'using 1:2 with linespoints lw 2 pt 7 ps 0.5 lc rgb "{colour}" title "{row}"')

    def draw(self, svg, script, label, lines, style):
        blocks, parts = [], []
        for number, row in enumerate(self.rows()):
            blocks.append("$rows%d << END\n%s\nEND\n" % (number, "\n".join(lines(row))))
            colour = gnuplot.COLOURS[number % len(gnuplot.COLOURS)]
            parts.append("$rows%d %s" % (number, style.format(row=row, colour=colour)))
        gnuplot.draw(svg, self.title, "".join(blocks) + script.format(
            label=label, x=self.first, parts=", ".join(parts)), (900, 360))


def keep(folder, name, tables, machine):
    """Writes what was found to a file of that folder."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + ".txt"), "w", encoding="utf-8") as file:
        file.write(machine + "\n\n" + "\n".join(map(str, tables)))
