"""What runs inside the cluster beside the pipelines: a Git server, and the tests' GitHub."""
