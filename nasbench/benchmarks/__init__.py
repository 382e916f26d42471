"""What answers the requests of a search: tables, training, importers, the judge, protocols."""
