"""Arrays in, arrays out: the numerics, with no files, no Nipype and no NiBabel."""
