"""The user's rows: importers, safe pictures, splits, and the Lance table that keeps them.

The door is `openautoglm.catalog.catalog.Catalog`. This room knows nothing of models.
"""
