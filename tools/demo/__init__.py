"""A demonstration of Kingbird on a real Keystone and real Glances."""
