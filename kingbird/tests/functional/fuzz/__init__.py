"""Fuzzing: requests that a program makes up out of the OpenAPI document, on a running service.

schemathesis runs as a process of its own, with :mod:`hooks` loaded into it; what it saw and what
Kingbird did is judged afterwards, by :mod:`verdict`.  ``make fuzz`` runs it for long.
"""
