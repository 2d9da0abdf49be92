"""Trace requests and the work of their jobs with osprofiler.

:mod:`spans` creates spans, :mod:`jobs` remembers the traces of jobs, :mod:`statements` traces SQL
and :mod:`exporter` sends spans to a driver.
"""
