"""Stand-ins for devstack: the functions that the plugin calls, and a driver of the phases."""
