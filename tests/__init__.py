"""The tests. A package, so that no library that ships a `tests` of its own hides it."""
