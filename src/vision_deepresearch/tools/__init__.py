"""What the model may call: crops, searches, page visits."""
