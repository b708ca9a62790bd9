"""The stages, one module each: `run(workspace, model, …)` decides, acts and returns what it found.

Stages never import each other; `slipway.pipeline` puts them in order.
"""
