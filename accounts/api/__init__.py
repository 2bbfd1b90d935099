"""What every endpoint shares: authentication by API key, errors as problem+json, cursor pages."""
