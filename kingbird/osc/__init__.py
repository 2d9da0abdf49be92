"""A plugin for python-openstackclient: ``openstack image sync``.

The room speaks to Kingbird's API alone, as any user does.  It imports nothing of the service,
and nothing of the service imports it.
"""
