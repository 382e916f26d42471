"""Tables: their files, their columns, and the views that a search and the judge get of them."""
