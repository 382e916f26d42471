"""Sources of tables: public files, official files, loaded objects of official APIs."""
