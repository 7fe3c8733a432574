"""Data sets that lie in files: folders of images, Parquet files, the Hugging Face hub."""
