"""One module per thing that people or programs ask for under ``/auth``."""
