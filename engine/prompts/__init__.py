"""What is learned of prompts themselves: new words, and tokens behind every prompt."""
