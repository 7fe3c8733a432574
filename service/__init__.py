"""The service: REST API, database, dispatcher, dashboard and CLI around target-runtime studies."""
