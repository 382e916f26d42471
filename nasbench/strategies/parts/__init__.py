"""Code that several strategies share; each part is imported only by strategies that need it."""
