"""What comes in and what goes out: JSON Schema 2020-12, by the noun.

The calls of the controllers name these schemas (:mod:`kingbird.api.request.operation`).  Requests
and answers are held against them, and the OpenAPI document is made of them: a schema with a
``title`` is a component there.
"""
