"""The pages, one file each with its route and what it shows."""
