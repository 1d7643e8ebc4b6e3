"""The network in the box: what `dmn ask` and `dmn demo` use where no checkpoint is named. README.md says how it was made."""
