"""The Django project: settings, urls, HTTP API, command line."""
