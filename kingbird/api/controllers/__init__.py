"""Controllers parse, authorize, store and cast.  Nothing here talks to a region to change it.

Each room routes by a table of its own: Pecan's default walks Python's attributes by names
out of the URL.
"""

from typing import NoReturn

import webob.exc


def not_allowed() -> NoReturn:
    """Refuse a method; Pecan adds which ones a path takes."""
    raise webob.exc.HTTPMethodNotAllowed
