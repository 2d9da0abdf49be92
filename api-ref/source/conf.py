"""How the reference of the API is built: ``make docs``."""

import os
import sys

sys.path.insert(0, os.path.abspath("../ext"))

project = "Kingbird API"
copyright = "The Kingbird contributors"

extensions = ["openstackdocstheme", "openapi_rst"]

# There is nothing to report to or to link to that every reader could reach.
openstackdocs_auto_name = False
openstackdocs_auto_version = False
version = ""
release = ""

html_theme = "openstackdocs"
html_theme_options = {"display_badge": False, "show_other_versions": False}
pygments_style = "native"
# "*" is a word of the API, and so are its quotes.
smartquotes = False
