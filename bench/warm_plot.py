"""The plot of bench/warm: hit ratio over time around the fail-over, one line per
server."""

import os

import gnuplot

COLOURS = dict(zip(("mcd", "redis", "yrmcds"), gnuplot.COLOURS))
SCRIPT = """
set xlabel "seconds of load, before and after the fail-over"
set ylabel "hit ratio, %%"
set xrange [%(begin)g:%(end)g]
set yrange [0:100]
set key bottom right
set arrow from 0,0 to 0,100 nohead lc rgb "#000000" dt 2
set label "active killed" at 0,8 offset 0.7,0
plot %(lines)s
"""


def points(result):
    """Seconds and percent, in the middle of each window; the fail-over is at 0."""
    end = result.before[-1].at
    begin = 2 * result.before[0].at - result.before[1].at
    for windows, shift, last in ((result.before, end, begin), (result.after, 0, 0)):
        for window in windows:
            yield (last + window.at) / 2 - shift, 100 * window.hits / window.gets
            last = window.at


def write_data(path, results):
    """Writes one block per server, as gnuplot's `index` needs them."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("# seconds from the fail-over, hit ratio of a window in percent\n")
        for result in results:
            file.write("\n\n# %s\n" % result.server)
            file.writelines("%.3f %.2f\n" % point for point in points(result))


def draw(svg, results, title):
    """Writes the SVG, and the data as a text file next to it."""
    data = os.path.splitext(svg)[0] + ".txt"
    write_data(data, results)
    lines = ['"%s" index %d title "%s" with lines lw 2 lc rgb "%s"' % (
        data, number, result.server, COLOURS[result.server])
             for number, result in enumerate(results)]
    edges = [x for result in results[:1] for x, _ in points(result)]
    gnuplot.draw(svg, title, SCRIPT % {"lines": ", ".join(lines), "begin": edges[0], "end": edges[-1]})
