"""What a forge (GitHub) is told about a pull request: decided here, said by `adapters/github`."""
