"""Runs the command line: `python -m bulkload`."""

from bulkload.cli import main

main()
