"""An explanation written down, one module a form."""
