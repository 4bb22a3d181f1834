"""What is measured, each figure beside a named baseline in the same run."""
