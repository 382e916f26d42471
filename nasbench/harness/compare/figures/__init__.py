"""The figures of a comparison: what they show, how they look, where their texts are."""
