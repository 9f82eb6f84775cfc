"""Plain tensor maths: losses, metric sums, geometry. No state, no registries."""
