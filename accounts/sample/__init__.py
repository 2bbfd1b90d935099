"""A made-up world to try the platform on: people, their activity, and a few characters. Pure."""

from accounts.sample.world import NETWORKS, World, make_world, write_dataset

__all__ = ["NETWORKS", "World", "make_world", "write_dataset"]
