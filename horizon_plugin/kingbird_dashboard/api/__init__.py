"""The calls of Kingbird's API, a module a noun.  ``client`` alone makes them."""
