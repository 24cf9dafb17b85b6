"""What is read at the provider's desk."""
