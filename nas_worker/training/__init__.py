"""Full training of a ConvNet from scratch: 350 epochs with the schedule of Sec. V, or the same in fewer."""
