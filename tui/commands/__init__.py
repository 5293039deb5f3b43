"""The commands of `tui.cli`'s table, a module each; imported only when the command is run."""
