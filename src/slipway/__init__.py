"""A pull request is a model release."""
