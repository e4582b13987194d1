"""Pages as one self-contained HTML file each, beside the Markdown that they are made from."""
