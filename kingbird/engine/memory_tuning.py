"""How an engine's process deals with memory: settings of Python's collector and of glibc.

A page of a list is a buffer of a megabyte and thousands of objects, and pages come by the
hundred, in many threads.
"""

import ctypes
import gc

#: New objects after which Python looks for garbage.  Of a page's thousands none is in a cycle;
#: to look after each 700 takes a third of the time of comparing regions.
GC_THRESHOLD = 50_000

#: glibc's numbers for ``mallopt``.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
#: Buffers from this many bytes on go back to the system when they are freed.  By itself glibc
#: raises the limit with each of them, until pages stay in the heap of every thread.
_MAPPED = 128 * 1024
_ARENAS = 2


def tune() -> None:
    """Set them, where there is a glibc.  Call it before there are many threads."""
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
        mallopt(_M_ARENA_MAX, _ARENAS)
