"""Run the real Tempest with Kingbird's plugin in a temporary cloud."""
