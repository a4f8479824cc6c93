"""Worlds from what people have: a Kiwix ZIM, a folder of HTML and Markdown."""
