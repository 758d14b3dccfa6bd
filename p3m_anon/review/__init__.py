"""The review page: a local web page where a person decides what no detector can."""
