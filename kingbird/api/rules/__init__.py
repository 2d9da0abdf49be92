"""Create, change, delete and run rules: the steps behind the controller."""
