"""Conversations to and from the files of training libraries, with pictures and loss flags."""
