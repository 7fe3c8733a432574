"""What the CLI prints: pure functions from the API's models to Rich renderables."""
