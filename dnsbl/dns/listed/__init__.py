"""What is listed: the table, the sorted arrays that it is made of, and its file."""
