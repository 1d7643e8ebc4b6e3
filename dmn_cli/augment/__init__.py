"""What an epoch may change in its training stories."""
