"""Controllers parse, authorize, store and cast.  Nothing here talks to a region to change it.

A table of routes names the handlers: Pecan's default walks Python's attributes by names out of
the URL.
"""
