"""Out of the house: products that people open without antdask."""
