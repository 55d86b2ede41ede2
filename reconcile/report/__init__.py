"""Values in; text, Markdown, JSON, TOML, HTML or metrics out, as values: prints nothing and decides nothing."""
