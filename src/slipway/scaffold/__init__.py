"""A model's folder, proposed from a data file: `inference` decides what it says, `writer` how it reads."""
