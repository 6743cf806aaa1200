"""What tools/gen.py reads, in model.py, and writes: a module for each group of outputs."""
