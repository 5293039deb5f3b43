"""Colours as data: one YAML file a theme, read by `tui.theme`; no code lives here."""
