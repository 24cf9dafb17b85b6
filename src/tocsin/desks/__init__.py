"""One Django app per counter; a desk never imports another desk."""
