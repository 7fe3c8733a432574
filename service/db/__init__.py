"""The database: tables, migrations and the store, which holds every query of the service."""
