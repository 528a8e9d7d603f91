"""What is done for the core in threads: the commands of streams, and what they ask together."""
