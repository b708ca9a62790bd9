"""What runs in a model's image: it stands on the `serving` packages alone, and nothing of it imports slipway."""
