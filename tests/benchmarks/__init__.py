"""Measures bulkload beside its peers: `.venv/bin/python -m tests.benchmarks --help`."""
