"""Whether what is live still meets what it was trained on, and whether there are newer data. Decided here, purely."""
