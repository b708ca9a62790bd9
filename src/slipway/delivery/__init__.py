"""What is live, and how it comes to be: `gitops/`."""
