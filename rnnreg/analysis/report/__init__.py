"""Numbers as tables and prose; the report as HTML, PDF and notebook."""
