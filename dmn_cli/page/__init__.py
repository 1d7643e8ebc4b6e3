"""One page that shows a run or a suite, and in which the network itself answers: ``dmn view``."""
