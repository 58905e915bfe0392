"""Shared by scenarios, conformance tests, bench and demo: processes, wire and results."""
