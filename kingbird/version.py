"""The installed version in the package's metadata, which pbr has written."""

import pbr.version

version_info = pbr.version.VersionInfo("kingbird")


def version_string() -> str:
    """Return the release's version, such as ``1.0.0``."""
    return version_info.version_string()
