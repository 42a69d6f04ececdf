"""Search spaces of models, one TOML file each."""
