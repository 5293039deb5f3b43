"""Parts that several screens use. They get plain values and never read files."""
