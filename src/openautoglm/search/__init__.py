"""From a query to rows: the index of vectors in the catalogue, and the search over it."""
