"""What `tocsin bench` measures, one file per subject; each runs in a process of its own."""
