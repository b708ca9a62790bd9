"""What the commands print: for people on standard error, one JSON document for programs on standard output."""
