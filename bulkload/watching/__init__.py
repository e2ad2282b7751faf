"""Unattended work: files are taken out of drop folders, queued, processed, moved on, and told of by mail."""
