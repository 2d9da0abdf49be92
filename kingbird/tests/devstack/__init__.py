"""Stand-ins for devstack: its functions that the plugin calls, and what drives the phases."""
