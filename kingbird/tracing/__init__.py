"""Tracing by osprofiler: what a request, and the work that it asks for, spends its time on.

:mod:`spans` makes spans, and is all that the other rooms need to know; :mod:`jobs` remembers
which jobs are traced; :mod:`start` switches tracing on, and :mod:`sender` sends what was traced.
"""
