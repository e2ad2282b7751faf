"""bulkload: takes a file of records, checks every cell, applies what is right, says what became of every row."""

__version__ = "0.1.0"
