"""The packaging shim that pbr asks for; everything else is in setup.cfg."""

import setuptools

setuptools.setup(setup_requires=["pbr>=6.1.1"], pbr=True)
