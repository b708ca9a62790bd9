"""Everything that shapes a model, and nothing else.

The sources of this package are part of every content key, so it imports no other part of slipway:
whatever is changed here trains every model again, whatever is changed elsewhere trains none.
"""
