"""TIR kernels, schedules and tensor intrinsics; installed as ``eie_backend.schedules``.

`kernel` builds the plain loop nest of a layer, `tile` cuts it into blocks that the machine holds,
`tensorize` replaces each block by an intrinsic of `intrinsics`; `schedule` does all of it.
"""
