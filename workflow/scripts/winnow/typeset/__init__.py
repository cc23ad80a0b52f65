"""Tables to read and to print: `tables` says what is in them, `markup` writes them as Markdown, LaTeX and HTML."""
