"""The studio around the live documents: people, workspaces, documents, pages, the API, the commands."""
