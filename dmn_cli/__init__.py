"""The Dynamic Memory Network (Kumar et al., 2015, arXiv 1506.07285) on the bAbI tasks."""

import warnings

__version__ = "0.1.0"

# torch says so when it is imported without numpy, which nothing here needs
warnings.filterwarnings("ignore", message="Failed to initialize NumPy", category=UserWarning)
