"""The Dynamic Memory Network as its paper has it (arXiv 1506.07285): one module of the paper per file.

``dmn_plus`` is the network of arXiv 1603.01417. ``extensions/`` holds what is ours, ``fast/`` the faster
forms that run, ``beam`` the search for other answers. ``network`` puts one together from the names of its parts.

Sizes: N rows (each a fact of a question), F facts, Q questions, T facts of a question, P passes, V words, A answers,
E embedding size, H hidden size.
"""
