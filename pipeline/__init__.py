"""From illustrations to a clean, versioned face dataset."""
