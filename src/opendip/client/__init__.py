"""The participant's side of the DIP: sign, send, receive, verify. Needs nothing of the server."""
