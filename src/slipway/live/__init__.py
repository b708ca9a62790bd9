"""What Prometheus knows of a served model: what it is asked, and what its answers mean."""
