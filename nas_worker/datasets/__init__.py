"""Data sets, one module each, named after the data set; ``load()`` returns an ImageDataset."""
