"""Presets: complete configurations, one TOML file each."""
