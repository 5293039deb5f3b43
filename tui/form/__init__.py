"""The config editor: the virtual option list, the inspector, an editor for each type, the panes."""
