"""Files to columns of text, and rows back to files: one module for each format."""
