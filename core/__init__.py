"""The vocabulary of Trivium: nouns, seams, settings, store. Imports no other part."""
