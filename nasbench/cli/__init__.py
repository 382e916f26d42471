"""The command line, which only parses options, calls the other packages and prints."""
