"""The participant's side of the DIP: sign, send, receive, verify. Usable without any of the server's dependencies."""
