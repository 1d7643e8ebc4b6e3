"""Stories made here, and a solver that answers them by rules."""
