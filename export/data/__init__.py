"""Training data: readers that turn folders and packages into typed rows."""
