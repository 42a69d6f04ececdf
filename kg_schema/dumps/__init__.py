"""Specifications of public data sets, one YAML file each; a file's name is the name of its dump."""
