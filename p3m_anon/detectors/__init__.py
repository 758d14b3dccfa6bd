"""Face and landmark detectors behind one small protocol."""
