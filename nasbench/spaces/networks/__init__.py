"""The torch modules of the spaces; nothing else under `spaces` imports torch."""
