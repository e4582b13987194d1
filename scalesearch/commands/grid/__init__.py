"""`scalesearch grid`: designs of whole surfaces, and the page of the answer."""
