"""Both pipelines of `tekton/`, run for real on the cluster that `kubectl` points at: `python -m tests.e2e`."""
