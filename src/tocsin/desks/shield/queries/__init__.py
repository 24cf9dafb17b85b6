"""What the shield shows: the queue, listings, what goes out, what is known of names."""
