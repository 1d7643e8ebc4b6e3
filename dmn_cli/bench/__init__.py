"""How fast training and evaluation are, against the machine's limit and against a textbook DMN."""
