"""Execution of runs: in this process or on Ray, their interruption, and tuning."""
