"""Stored networks: relative indices, Huffman codes, what they take, and the container ``.eiez``."""
