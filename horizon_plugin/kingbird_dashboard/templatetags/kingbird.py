"""Filters of the templates."""

from django import template

from kingbird_dashboard.content import ages, names

register = template.Library()

register.filter("visible", names.visible)
register.filter("age", ages.since)


@register.filter
def percent(value: float) -> str:
    """Return a share as CSS writes it, in every language."""
    return f"{value:.2f}"
