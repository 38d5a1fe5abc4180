"""OpenDIP: an open implementation of the MHHS Data Integration Platform."""
