"""The installed version, as pbr wrote it into the package's metadata."""

import pbr.version

version_info = pbr.version.VersionInfo("kingbird")


def version_string() -> str:
    """Return the release's version, such as ``1.0.0``."""
    return version_info.version_string()
