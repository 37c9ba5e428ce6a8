"""One module per revision, named in order."""
