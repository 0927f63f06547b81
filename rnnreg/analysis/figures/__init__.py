"""One function a figure, and how all of them look.

Seaborn draws a figure wherever it shows data as they are (heatmap, points, lines) or a band whose
ends are given (`seaborn.objects`). Its point and line plots compute an interval from the points
that they draw, and the intervals here are none of those: in forests they are of paired differences,
simultaneous within a family, and a verdict fills the mark; of scores and learning curves they are
those of `statistics.inference`, as in tables and sentences. There, matplotlib's lines, bands and
points draw the ends that the analysis gives.
"""
