"""The REST API: routers, one file per resource; the JSON that it speaks; errors as problem+json."""
