"""What templates of all desks share."""
