"""`withdraw`: a picture taken back from everywhere."""
