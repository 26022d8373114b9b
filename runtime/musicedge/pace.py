"""How often a stream is read, and how its readings are smoothed, unless it is told otherwise."""

from __future__ import annotations

EVERY = 0.5
"""Seconds from one reading to the next."""

FIRST = 1.0
"""Seconds of sound before the first reading."""

SMOOTH = 1.5
"""The time constant of `musicedge.smoothing`, in seconds.

Chosen by ``python -m musicedge_benchmarks.smoothing`` on 57 changes from one piece of 30 s to one
of another genre (the shipped CNN). It takes three fifths of the changes of the top genre within a
piece, and one second:

========  ================  ========================================================
constant  changes a minute  seconds until the new piece's genre is the top (median)
========  ================  ========================================================
0 s       10.8              7.6
1 s       5.0               8.1
1.5 s     4.0               8.6
2 s       3.5               9.0
4 s       2.8               10.0
========  ================  ========================================================

Most of the delay is the window's own 10 s. The CNN had been trained on most of these pieces: of
others, expect more changes.
"""
