"""Alembic migrations of the service's database; ``service.db.migrate`` runs them."""
