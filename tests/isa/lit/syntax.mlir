// RUN: eie-opt %s --split-input-file --parsing-diagnostics | filecheck %s
// RUN: not eie asm %s -o - 2>&1 | filecheck %s --check-prefix=ASM

// A fault of the text is reported with its line, also in a later part of the file.

builtin.module {
}

// -----

eie.clear "fc1" matrix = 0

// CHECK: syntax.mlir:11:24
// ASM: eie: error: {{.*}}syntax.mlir: eie text: 0 eie.program operations; give exactly one
