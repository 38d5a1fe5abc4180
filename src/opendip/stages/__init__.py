"""What the DIP does with a message, step by step. No stage imports another: they meet in the database only."""
