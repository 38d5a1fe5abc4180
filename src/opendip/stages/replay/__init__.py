"""What was sent, again: replayed in an answer or put on its queue once more (E2E 4.9, FS 5.5.11)."""
