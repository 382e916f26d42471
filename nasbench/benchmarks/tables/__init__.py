"""Tables: their file format, their columns, and the views for a search and for the judge."""
