"""Other people's lists: data files in the forms of rbldnsd, read into arrays that are asked."""
