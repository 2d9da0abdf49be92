"""A plugin for python-openstackclient: ``openstack image sync``.

The plugin uses only Kingbird's API, as any user does.  It imports no part of the service but
:mod:`kingbird.states`, and the service does not import it.
"""
