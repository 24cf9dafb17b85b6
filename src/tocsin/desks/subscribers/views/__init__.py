"""The pages of the provider's desk."""
