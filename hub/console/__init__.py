"""The operator's pages: templates, their texts in Vietnamese and English, static files."""
