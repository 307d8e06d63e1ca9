"""Reading an archive back: select rows by run, time and conditions, and have them in the form that the work needs."""
