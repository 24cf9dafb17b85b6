"""What is done at the provider's desk."""
