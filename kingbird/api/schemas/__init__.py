"""JSON Schema 2020-12 of requests and responses, by noun.

The controllers' operations name these schemas (:mod:`kingbird.api.request.operation`).  Requests
and responses are validated by them, and the OpenAPI document is generated from them.  A schema
with a ``title`` becomes a component of the document.
"""
