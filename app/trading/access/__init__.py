"""What owners of accounts may do on a platform, and changes of it that were made there by hand."""
