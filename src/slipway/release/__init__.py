"""What a merge runs: main is brought to what its history asks for."""
