"""From scheduled TIR to programs of the ``eie`` dialect and TVM runtime modules."""
