"""From illustrations to a clean, versioned face dataset."""

__version__ = "0.1.0"
