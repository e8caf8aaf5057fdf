"""What a network on the machine answers, beside what the float network answers."""
