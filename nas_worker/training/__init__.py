"""Full training of a derived ConvNet (the last column of the paper's Sec. V: 350 epochs)."""
