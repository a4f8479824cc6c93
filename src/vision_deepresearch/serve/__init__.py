"""Viewer pages, web app and endpoints."""
