"""The fidelity sweep: every lambda at every number of epochs, and what that shows (Fig. 9, right)."""
