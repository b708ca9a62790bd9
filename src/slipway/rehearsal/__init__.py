"""The whole life of a model on one machine, in a sandbox: open, merge, revert."""
