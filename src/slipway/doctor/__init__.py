"""What a repository and a machine still lack, and how each is set: facts are gathered, then judged."""
