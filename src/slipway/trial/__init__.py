"""How a release on trial ends: decided from its answers, and from what Prometheus saw of it. Pure."""
