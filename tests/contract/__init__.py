"""What both auth managers must do, asked of a running API server."""
