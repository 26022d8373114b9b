"""What roughens music before a network hears it: transforms that a recipe chooses and orders."""
