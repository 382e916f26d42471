"""The tables of a comparison: their columns, notes and forms, as text, Markdown, LaTeX and HTML."""
