"""Controllers parse, authorize, store and cast.  They change nothing in a region.

A table of routes names the handlers, because Pecan's default follows attribute names from the URL.
"""
