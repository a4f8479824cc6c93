"""Pictures: decode safely, crop and scale, store by content."""
