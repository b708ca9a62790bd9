"""What is checked before a model is trained: the expectations, what changed, what leaked.

Imports run from here to `training`, `results` and `errors`; only `stages.validate` imports this.
"""
