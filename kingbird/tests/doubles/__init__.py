"""Stand-ins for services, each checked against the real one by a contract suite."""
