"""Runs and suites: their folders, how they are started, resumed and finished."""
