"""Tune Python's garbage collector and glibc's allocator for an engine.

A page of an image list is a buffer of a megabyte and thousands of objects.  An engine reads
hundreds of pages in many threads.
"""

import ctypes
import gc

#: New objects after which Python collects garbage.  Objects of a page form no cycles, and with
#: the default of 700 the collector takes a third of the time of comparing regions.
GC_THRESHOLD = 50_000

#: glibc's numbers for ``mallopt``.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
#: Buffers of at least this many bytes go back to the system when they are freed.  By default
#: glibc raises the limit with each of them, and pages stay in the heap of every thread.
_MAPPED = 128 * 1024
_ARENAS = 2
#: Seconds between two returns of what was freed.
TRIM_INTERVAL = 10.0


def tune() -> None:
    """Apply the settings, as far as there is a glibc.  Call this before threads start."""
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
        mallopt(_M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Give freed memory back to the system, as far as there is a glibc.

    glibc keeps what a job has freed in small pieces, and the next job's large answers come on top
    of it.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
