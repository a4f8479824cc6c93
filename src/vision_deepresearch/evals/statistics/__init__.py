"""What can be concluded from counts: intervals, paired tests, power, agreement of judges."""
