"""The nouns of the service, shared by database, dispatcher, API and dashboard."""
