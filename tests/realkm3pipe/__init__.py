"""What km3pipe itself reads in the files that we read: other people's code, in an environment of its own."""
