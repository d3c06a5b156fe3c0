"""From a declaration to the four functions, and from four functions to an answer."""
