"""Change Kingbird's code in small ways, and report the changes that no unit test notices."""
