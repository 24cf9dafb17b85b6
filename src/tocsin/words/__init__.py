"""The shared vocabulary: roles, markings, classes, moments, errors."""
