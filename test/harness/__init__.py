"""Shared by scenarios, conformance, bench and demo: processes, wire and results."""
