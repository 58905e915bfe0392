"""Draws an SVG with gnuplot: what all plots have in common."""

import subprocess

COLOURS = ("#0060ad", "#d1342f", "#7a7a7a", "#2f9e44", "#e8a20c", "#8a3fb0")
COMMON = """
set terminal svg size %d,%d background "white" font "sans-serif,12"
set output "%s"
set title "%s"
set grid ytics lc rgb "#dddddd" lw 1 lt 1
set border 3
set tics nomirror out
"""


def draw(svg, title, script, size=(640, 300)):
    """script: the rest of it."""
    subprocess.run(["gnuplot"], text=True, check=True, input=COMMON % (*size, svg, title) + script)
