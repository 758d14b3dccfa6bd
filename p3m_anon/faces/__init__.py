"""Pure: landmarks -> outline -> mask -> exclusion -> blur, and the verdict on a picture."""
