"""How the release notes are built by themselves: ``tox -e releasenotes``."""

project = "Kingbird Release Notes"
copyright = "The Kingbird contributors"

extensions = ["openstackdocstheme", "reno.sphinxext"]

# There is nothing to report to or to link to that every reader could reach.
openstackdocs_auto_name = False
openstackdocs_auto_version = False
version = ""
release = ""

html_theme = "openstackdocs"
html_theme_options = {"display_badge": False, "show_other_versions": False}
pygments_style = "native"
