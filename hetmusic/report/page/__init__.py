"""The report as one HTML page: sections of a run or of a comparison, a template, a style sheet and a script."""
