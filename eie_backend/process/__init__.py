"""The process of a command: Ctrl-C at any instant, its streams, what there is too little of."""
