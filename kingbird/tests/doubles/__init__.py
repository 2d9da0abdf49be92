"""Stand-ins for services.  A contract suite compares each with the real service."""
