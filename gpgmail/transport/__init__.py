"""The way to the server: URLs, options, TLS, login, SMTP sessions, and what failures mean."""
