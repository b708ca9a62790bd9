"""Data beyond Git: what a pointer names, and how it is fetched, proposed and brought up to date."""
