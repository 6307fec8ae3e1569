"""Files in, files out: one Nipype interface for each processing step."""
