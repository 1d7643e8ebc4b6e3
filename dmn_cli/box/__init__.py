"""The network in the box, for `dmn ask` and `dmn demo` without a checkpoint. README.md says how it was made."""
