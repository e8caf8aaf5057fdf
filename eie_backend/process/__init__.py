"""The process of a command: Ctrl-C at any instant, and what the computer has too little of."""
