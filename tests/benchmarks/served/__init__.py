"""What is measured beside the served model, and what starts and asks all of them."""
