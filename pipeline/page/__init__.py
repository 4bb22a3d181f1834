"""The dataset page: what is chosen to be shown, its pictures, its charts, its text."""
