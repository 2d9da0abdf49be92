"""One odd region beside a healthy one, on a real cloud: the healthy one waits for nothing.

RegionTwo is odd in every way of :mod:`problems`, as a target, as a source and as both.
:mod:`race` measures how long RegionThree takes, with RegionTwo and without it.
"""
