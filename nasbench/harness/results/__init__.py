"""Results on disk: written, checked, read back."""
