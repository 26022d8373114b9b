"""What people would use instead, fed the same clip in the same run: one module a stage."""
