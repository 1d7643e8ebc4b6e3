"""How recurrences and gates are computed: over packed rows, without padding, by compiled kernels where there are some.

Each function says what it computes. The equations stand in the modules that call it, and tests hold both equal.
"""
