"""Results as words, tables and figures: page, HTML, Markdown, terminal, CSV, model card."""
