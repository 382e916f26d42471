"""Where tables come from: public files, official files, loaded official APIs."""
