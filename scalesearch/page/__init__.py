"""What pages are made of: Markdown, tables, figures, and the sections that several commands share."""
