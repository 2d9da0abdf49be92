"""Namespaces of metadata definitions: their parts, comparison, plan and writing."""
