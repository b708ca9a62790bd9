"""Whether an endpoint serves the reviewed model: what it was asked, what it answered, and the decision."""
