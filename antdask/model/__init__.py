"""What the data are; knows no file and no engine."""
