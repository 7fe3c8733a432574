"""Claims studies, asks solvers, runs trials on Ray and records their epochs. The only writer of trials."""
