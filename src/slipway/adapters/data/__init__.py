"""Data beyond Git: the DVC remote, the source of an import, and this machine's cache."""
